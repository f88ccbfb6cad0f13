// Attention as small matrix products: a few query rows against a 32-token key tile, then against the span's values.
#include "base/half.h"
#include "kernels/attention/attention.h"
#include "kernels/prefetch.h"
#include "kernels/quantize/quantize_row.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

namespace {

constexpr float kNegInfinity = -__builtin_inff();

// How many tiles ahead of the one being read the memory is asked for: a tile of 64 dimensions takes about as long to
// compute as memory takes to answer once.
constexpr int kTilesAhead = 4;

template <KvType kType>
inline F32 load_kv(const std::byte* tile, int index) {
  if constexpr (kType == KvType::f32) return load(reinterpret_cast<const float*>(tile) + index);
  if constexpr (kType == KvType::i8) return load_i8_as_float(reinterpret_cast<const std::int8_t*>(tile) + index);
  return load_half(reinterpret_cast<const std::uint16_t*>(tile) + index);
}

inline const float* kv_scales(const std::byte* tile, int head_dim) {
  return reinterpret_cast<const float*>(tile + head_dim * kKvBlock);
}

template <KvType kType>
constexpr int kElementBytes = kType == KvType::f32   ? 4
                              : kType == KvType::f16 ? 2
                                                     : 1;

// Asks for the `n` elements from `index` on of the tile that comes next. A tile of 64 dimensions is one page, and the
// processor's own prefetching stops at its end.
template <KvType kType>
LLMAGENTOS_PREFETCHES void prefetch_kv(const std::byte* ahead, int index, int n) {
  prefetch(ahead + index * kElementBytes<kType>, static_cast<std::size_t>(n * kElementBytes<kType>));
}

// scores[r][slot] for kRows rows and the kKvBlock keys of one tile. Two vectors of keys at a time, for the registers.
// While it reads k_tile it prefetches `ahead`.
template <KvType kType, int kRows>
inline void score_rows(const std::byte* k_tile, const std::byte* ahead, const float* q, int head_dim, float* scores) {
  constexpr int kWide = kKvBlock / kLanes < 2 ? 1 : 2;
  for (int key = 0; key < kKvBlock; key += kWide * kLanes) {
    F32 acc[kRows][kWide];
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWide; ++i) acc[r][i] = zero();
    for (int d = 0; d < head_dim; ++d) {
      prefetch_kv<kType>(ahead, d * kKvBlock + key, kWide * kLanes);
      F32 k[kWide];
      for (int i = 0; i < kWide; ++i) k[i] = load_kv<kType>(k_tile, d * kKvBlock + key + i * kLanes);
      for (int r = 0; r < kRows; ++r) {
        const F32 x = set1(q[r * head_dim + d]);
        for (int i = 0; i < kWide; ++i) acc[r][i] = fma(x, k[i], acc[r][i]);
      }
    }
    if constexpr (kType == KvType::i8)
      for (int i = 0; i < kWide; ++i) {
        const F32 scale = load(kv_scales(k_tile, head_dim) + key + i * kLanes);
        for (int r = 0; r < kRows; ++r) acc[r][i] = mul(acc[r][i], scale);
      }
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWide; ++i) store(scores + r * kSpan + key + i * kLanes, acc[r][i]);
  }
}

// values[r][d] += sum over the tile's first n_keys of weights[r][key] * v[key][d], keys in sequence.
// Prefetches as score_rows() does.
template <KvType kType, int kRows>
inline void add_values(const std::byte* v_tile, const std::byte* ahead, int n_keys, const float* weights, int head_dim,
                       float* values) {
  constexpr int kWide = 2;
  int d = 0;
  for (; d + kWide * kLanes <= head_dim; d += kWide * kLanes) {
    F32 acc[kRows][kWide];
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWide; ++i) acc[r][i] = load(values + r * head_dim + d + i * kLanes);
    for (int key = 0; key < n_keys; ++key) {
      prefetch_kv<kType>(ahead, key * head_dim + d, kWide * kLanes);
      F32 v[kWide];
      for (int i = 0; i < kWide; ++i) v[i] = load_kv<kType>(v_tile, key * head_dim + d + i * kLanes);
      for (int r = 0; r < kRows; ++r) {
        const F32 w = set1(weights[r * kSpan + key]);
        for (int i = 0; i < kWide; ++i) acc[r][i] = fma(w, v[i], acc[r][i]);
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWide; ++i) store(values + r * head_dim + d + i * kLanes, acc[r][i]);
  }
  for (; d + kLanes <= head_dim; d += kLanes) {
    for (int r = 0; r < kRows; ++r) {
      F32 acc = load(values + r * head_dim + d);
      for (int key = 0; key < n_keys; ++key)
        acc = fma(set1(weights[r * kSpan + key]), load_kv<kType>(v_tile, key * head_dim + d), acc);
      store(values + r * head_dim + d, acc);
    }
  }
}

// Rows that are computed together: as many as the registers hold beside a tile's vectors.
constexpr int kMaxRows = kLanes == 16 ? 8 : 4;

// Calls body.template operator()<n>(first_row) so that all rows are covered by chunks of at most kMaxRows.
template <class Body>
inline void in_chunks(int n_rows, Body body) {
  int row = 0;
  for (; row + kMaxRows <= n_rows; row += kMaxRows) body.template operator()<kMaxRows>(row);
  if constexpr (kMaxRows > 4)
    for (; row + 4 <= n_rows; row += 4) body.template operator()<4>(row);
  if (n_rows - row == 3) body.template operator()<3>(row);
  if (n_rows - row == 2) body.template operator()<2>(row);
  if (n_rows - row == 1) body.template operator()<1>(row);
}

// Turns the first `n` (a multiple of kLanes) scores of a row into weights e^(score - maximum).
inline void softmax_row(float* scores, int n, float& maximum, float& sum) {
  F32 peak = load(scores);
  for (int i = kLanes; i < n; i += kLanes) peak = max(peak, load(scores + i));
  maximum = reduce_max(peak);
  if (maximum == kNegInfinity) {
    for (int i = 0; i < n; i += kLanes) store(scores + i, zero());
    sum = 0;
    return;
  }
  F32 total = zero();
  for (int i = 0; i < n; i += kLanes) {
    const F32 weight = exp(sub(load(scores + i), set1(maximum)));
    store(scores + i, weight);
    total = add(total, weight);
  }
  sum = reduce_add(total);
}

// The state of one span alone. q: scaled queries [n_rows][head_dim]; scores: [n_rows][kSpan].
template <KvType kType>
void attend_span(const AttentionTile& tile, int span, const float* q, float* scores, const AttentionState& state) {
  const int n_rows = tile.n_rows(), dim = tile.head_dim;
  const int end_of_keys = tile.end_of_keys();
  const int begin = span * kSpan;
  const int n_keys = end_of_keys - begin < kSpan ? end_of_keys - begin : kSpan;
  const int n_tiles = (n_keys + kKvBlock - 1) / kKvBlock;
  const auto block_of = [&](int i) {
    return tile.pool + static_cast<std::size_t>(tile.block_table[begin / kKvBlock + i]) * tile.block_bytes;
  };
  // The tiles in the order in which they are read: the span's keys, its values, the next span's keys.
  const auto tile_at = [&](int j) -> const std::byte* {
    if (j < n_tiles) return block_of(j) + tile.k_offset;
    if (j < 2 * n_tiles) return block_of(j - n_tiles) + tile.v_offset;
    const int i = j - n_tiles;
    return begin + i * kKvBlock < end_of_keys ? block_of(i) + tile.k_offset : nullptr;
  };
  for (int i = 0; i < n_tiles; ++i) {
    const std::byte* k_tile = tile_at(i);
    const std::byte* next = tile_at(i + kTilesAhead);
    const std::byte* ahead = next ? next : k_tile;
    in_chunks(n_rows, [&]<int kRows>(int row) {
      score_rows<kType, kRows>(k_tile, row == 0 ? ahead : k_tile, q + row * dim, dim,
                               scores + row * kSpan + i * kKvBlock);
    });
  }
  for (int row = 0; row < n_rows; ++row) {
    float* s = scores + row * kSpan;
    if (tile.softcap > 0) {
      const F32 cap = set1(tile.softcap), inverse = set1(1.0f / tile.softcap);
      for (int i = 0; i < n_tiles * kKvBlock; i += kLanes) store(s + i, mul(cap, tanh(mul(load(s + i), inverse))));
    }
    const int position = tile.first_position + row / tile.group;
    if (tile.bias) {
      const float* bias = tile.bias + row % tile.group * tile.bias_stride + (begin - position);
      for (int i = 0; i < n_tiles * kKvBlock; i += kLanes) store(s + i, add(load(s + i), load(bias + i)));
    }
    // Keys of this span: those up to `own`, the query's, and those visible at all.
    const int own = position + 1 - begin;
    int visible = tile.n_keys > 0 ? tile.n_keys - begin : own;
    int hidden = 0;  // keys that have left the window, or are of an earlier chunk
    if (tile.window > 0) {
      if (visible - own >= tile.window) visible = own + tile.window - 1;
      if (own > tile.window) hidden = own - tile.window;
    }
    if (tile.chunk > 0) {
      const int earlier = own - 1 - position % tile.chunk;
      if (earlier > hidden) hidden = earlier;
    }
    for (int i = 0; i < hidden && i < n_tiles * kKvBlock; ++i) s[i] = kNegInfinity;
    for (int i = visible < 0 ? 0 : visible; i < n_tiles * kKvBlock; ++i) s[i] = kNegInfinity;
    softmax_row(s, n_tiles * kKvBlock, state.maxima[row], state.sums[row]);
    if (state.maxima[row] == kNegInfinity && visible > hidden && hidden < n_tiles * kKvBlock) {
      state.maxima[row] = 0;  // no such span is empty: none of its visible keys has a finite score
      state.sums[row] = __builtin_nanf("");
    }
    for (int d = 0; d < dim; ++d) state.values[row * dim + d] = 0;
  }
  for (int i = 0; i < n_tiles; ++i) {
    const std::byte* v_tile = tile_at(n_tiles + i);
    const std::byte* next = tile_at(n_tiles + i + kTilesAhead);
    const std::byte* ahead = next ? next : v_tile;
    if constexpr (kType == KvType::i8) {
      const float* scales = kv_scales(v_tile, dim);
      for (int row = 0; row < n_rows; ++row) {
        float* weights = scores + row * kSpan + i * kKvBlock;
        for (int key = 0; key < kKvBlock; key += kLanes)
          store(weights + key, mul(load(weights + key), load(scales + key)));
      }
    }
    // Slots past the last key may hold another sequence's leavings: they are not read.
    const int filled = n_keys - i * kKvBlock < kKvBlock ? n_keys - i * kKvBlock : kKvBlock;
    in_chunks(n_rows, [&]<int kRows>(int row) {
      add_values<kType, kRows>(v_tile, row == 0 ? ahead : v_tile, filled, scores + row * kSpan + i * kKvBlock, dim,
                               state.values + row * dim);
    });
  }
}

inline float exp1(float x) {
  float lanes[kLanes];
  store(lanes, exp(set1(x)));
  return lanes[0];
}

}  // namespace

void merge_attention(const AttentionState& into, const AttentionState& later, int n_rows, int head_dim) {
  for (int row = 0; row < n_rows; ++row) {
    if (later.maxima[row] == kNegInfinity) continue;
    const float peak = into.maxima[row] > later.maxima[row] ? into.maxima[row] : later.maxima[row];
    const float keep = into.maxima[row] == kNegInfinity ? 0 : exp1(into.maxima[row] - peak);
    const float weight = exp1(later.maxima[row] - peak);
    into.sums[row] = into.sums[row] * keep + later.sums[row] * weight;
    float* a = into.values + row * head_dim;
    const float* b = later.values + row * head_dim;
    for (int d = 0; d < head_dim; d += kLanes)
      store(a + d, fma(load(a + d), set1(keep), mul(load(b + d), set1(weight))));
    into.maxima[row] = peak;
  }
}

void attend(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state, float* scratch) {
  const int n_rows = tile.n_rows(), dim = tile.head_dim;
  float* q = scratch;
  float* scores = q + n_rows * dim;
  const AttentionState span_state{scores + n_rows * kSpan, scores + n_rows * (kSpan + dim),
                                  scores + n_rows * (kSpan + dim + 1)};
  for (int row = 0; row < n_rows; ++row) {
    const float* from = tile.q + row / tile.group * tile.q_stride + row % tile.group * dim;
    for (int d = 0; d < dim; d += kLanes) store(q + row * dim + d, mul(load(from + d), set1(tile.scale)));
    state.maxima[row] = kNegInfinity;
    state.sums[row] = 0;
    for (int d = 0; d < dim; d += kLanes) store(state.values + row * dim + d, zero());
  }
  for (int span = first_span; span < last_span; ++span) {
    if (tile.kv_type == KvType::f32)
      attend_span<KvType::f32>(tile, span, q, scores, span_state);
    else if (tile.kv_type == KvType::i8)
      attend_span<KvType::i8>(tile, span, q, scores, span_state);
    else
      attend_span<KvType::f16>(tile, span, q, scores, span_state);
    merge_attention(state, span_state, n_rows, dim);
  }
}

namespace {

// int8 elements `stride` apart, and their scale: as quantize_row() rounds, over the whole head.
void store_quantised(const float* x, int n, std::int8_t* to, int stride, float& scale) {
  I32 largest = set1_i32(0);
  for (int i = 0; i < n; i += kLanes) largest = max_i32(largest, magnitude_bits(load(x + i)));
  const std::int32_t peak_bits = reduce_max_i32(largest);
  const bool is_finite = peak_bits < 0x7f800000;
  const float peak = bits_to_float(static_cast<std::uint32_t>(peak_bits));
  const bool is_zero = peak < kSmallestPeak;
  const F32 inverse = set1(is_zero || !is_finite ? 0.0f : 127.0f / peak);
  for (int i = 0; i < n; i += kLanes) {
    std::int8_t lanes[kLanes];
    store_i8(lanes, is_finite ? to_i32(mul(load(x + i), inverse)) : set1_i32(0));
    for (int j = 0; j < kLanes; ++j) to[(i + j) * stride] = lanes[j];
  }
  scale = !is_finite ? __builtin_nanf("") : is_zero ? 0.0f : peak / 127.0f;
}

}  // namespace

void store_kv(const float* k, const float* v, int head_dim, int slot, std::byte* k_tile, std::byte* v_tile,
              KvType type) {
  if (type == KvType::f32) {
    float* keys = reinterpret_cast<float*>(k_tile) + slot;
    float* values = reinterpret_cast<float*>(v_tile) + slot * head_dim;
    for (int d = 0; d < head_dim; ++d) {
      keys[d * kKvBlock] = k[d];
      values[d] = v[d];
    }
    return;
  }
  if (type == KvType::i8) {
    auto* keys = reinterpret_cast<std::int8_t*>(k_tile);
    auto* values = reinterpret_cast<std::int8_t*>(v_tile);
    const int scales_at = head_dim * kKvBlock;
    store_quantised(k, head_dim, keys + slot, kKvBlock, reinterpret_cast<float*>(k_tile + scales_at)[slot]);
    store_quantised(v, head_dim, values + slot * head_dim, 1, reinterpret_cast<float*>(v_tile + scales_at)[slot]);
    return;
  }
  std::uint16_t* keys = reinterpret_cast<std::uint16_t*>(k_tile) + slot;
  std::uint16_t* values = reinterpret_cast<std::uint16_t*>(v_tile) + slot * head_dim;
  const F32 limit = set1(65504.0f);
  // Operand order keeps a NaN: max and min return their second operand when either is NaN.
  const auto saturated = [limit](F32 x) { return min(limit, max(sub(zero(), limit), x)); };
  for (int d = 0; d < head_dim; d += kLanes) {
    std::uint16_t lanes[kLanes];
    store_half(lanes, saturated(load(k + d)));
    for (int i = 0; i < kLanes; ++i) keys[(d + i) * kKvBlock] = lanes[i];
    store_half(values + d, saturated(load(v + d)));
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
