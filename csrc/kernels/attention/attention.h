// Attention of a tile of queries over a paged KV cache.
//
// Cache layout, per block of kKvBlock tokens and per KV head:
//   K: [head_dim][kKvBlock]   so that a vector holds one dimension of several tokens
//   V: [kKvBlock][head_dim]
// in float16, float32 or int8; after the int8 values of a tile come kKvBlock float32 scales, one per token.
// Keys are cut at fixed multiples of kSpan tokens. Within a span: scores over dimensions in sequence, one maximum, one
// sum, values accumulated over tokens in sequence; spans are merged in order (Dao et al., 2022, for the arithmetic).
// Masked keys count with weight zero, so a NaN or infinity among a tile's values shows in all its queries.
// So, for finite values, a query's result depends on its own position and the cache only, not on the tile it is
// computed in, nor on whether its spans are computed by one thread or by several and merged afterwards.
#pragma once

#include <cstddef>
#include <cstdint>

namespace llmagentos::kernels {

inline constexpr int kKvBlock = 32;
inline constexpr int kSpan = 128;
inline constexpr int kMaxHeadDim = 256;

enum class KvType { f16, f32, i8 };

// Bytes of the K or V of one head in one block.
constexpr std::size_t kv_tile_bytes(int head_dim, KvType type) {
  const std::size_t n = static_cast<std::size_t>(head_dim) * kKvBlock;
  return type == KvType::i8 ? n + kKvBlock * sizeof(float) : n * (type == KvType::f32 ? 4 : 2);
}

// One sequence, one KV head, `n_tokens` consecutive queries, each with the `group` query heads that share the KV head.
// Row r = token * group + head_in_group.
struct AttentionTile {
  const float* q;  // token t, head g, at q + t * q_stride + g * head_dim
  std::ptrdiff_t q_stride;
  int n_tokens, group, head_dim;
  int first_position;    // of token 0; token t is at first_position + t
  int n_keys;            // 0: a token sees the keys up to itself; else all see keys 0 .. n_keys - 1
  int window;            // 0, or only keys less than this far from the token
  int chunk;             // 0, or positions come in chunks of this many, and a token sees keys of its own chunk only
  float scale, softcap;  // softcap 0: none
  // Null, or added to the scaled scores: head g at bias + g * bias_stride, element [key - position]. It can be read for
  // all keys of a tile that any token sees.
  const float* bias;
  std::ptrdiff_t bias_stride;
  const std::byte* pool;  // the KV pool
  const std::int32_t* block_table;
  std::size_t block_bytes, k_offset, v_offset;  // of a block, and of this layer's and head's K and V in it
  KvType kv_type;
  int n_rows() const { return n_tokens * group; }
  int end_of_keys() const { return n_keys > 0 ? n_keys : first_position + n_tokens; }
};

// The softmax state of rows: values are not yet divided by the sums.
struct AttentionState {
  float* values;  // [n_rows][head_dim]
  float* maxima;  // [n_rows], -infinity while a row has seen no key
  float* sums;    // [n_rows], NaN where a span had visible keys but none with a finite score
};

// Floats that attend() needs as scratch.
constexpr std::size_t attention_scratch(int n_rows, int head_dim) {
  return static_cast<std::size_t>(n_rows) * static_cast<std::size_t>(kSpan + head_dim + 2 + head_dim);
}

// Sets `state` to the attention over the keys of spans [first_span, last_span), merged in order.
using Attend = void(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state,
                    float* scratch);

// Merges a later state into an earlier one, row by row.
using MergeAttention = void(const AttentionState& into, const AttentionState& later, int n_rows, int head_dim);

// Writes one head's key and value of one token into its slot of a block. NaN stays; float16 saturates at 65504. int8
// rounds to a 127th of the largest element's magnitude; a key or value that is not finite becomes NaN as a whole.
using StoreKv = void(const float* k, const float* v, int head_dim, int slot, std::byte* k_tile, std::byte* v_tile,
                     KvType type);

}  // namespace llmagentos::kernels
