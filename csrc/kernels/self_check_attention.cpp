#include <vector>

#include "kernels/self_check.h"
#include "kernels/self_check_values.h"

namespace llmagentos::kernels {
namespace {

constexpr int kLength = kSpan + 40, kSpans = 2;
constexpr int kBlocks = (kLength + kKvBlock - 1) / kKvBlock;

// The last tokens of a sequence, with all that may hide or weigh keys.
struct Case {
  int head_dim, group, n_tokens;
  int n_keys, window, chunk;
  float softcap;
  bool has_bias;
};

// Heads of four, two and one vectors of every width, rows in every number that is computed together, and keys that are
// hidden in a part of a span and in all of it.
constexpr Case kCases[] = {
    {64, 3, 3, 0, 30, 0, 2.0f, false},
    {32, 2, 4, kLength, 100, 0, 2.0f, true},
    {112, 1, 7, 0, 0, 100, 0.0f, false},
    {80, 2, 11, 0, 0, 0, 0.0f, false},
};

struct Attended {
  std::vector<float> values, maxima, sums;
  Attended(std::size_t n_rows, std::size_t head_dim) : values(n_rows * head_dim), maxima(n_rows), sums(n_rows) {}
  AttentionState state() { return {values.data(), maxima.data(), sums.data()}; }
  std::vector<float> result() const {
    std::vector<float> out = values;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] /= sums[i / (values.size() / sums.size())];
    return out;
  }
};

// The keys and values, and the queries and biases behind them, of a case.
struct Inputs {
  std::vector<std::byte> pool;
  std::vector<std::int32_t> block_table;
  std::vector<float> q, bias;

  Inputs(const Case& c, StoreKv* store_kv, KvType type)
      : pool(2 * kv_tile_bytes(c.head_dim, type) * static_cast<std::size_t>(kBlocks)) {
    Random random;
    const auto dim = static_cast<std::size_t>(c.head_dim);
    const std::size_t tile_bytes = kv_tile_bytes(c.head_dim, type);
    for (int b = 0; b < kBlocks; ++b) block_table.push_back(kBlocks - 1 - b);
    for (int p = 0; p < kLength; ++p) {
      const std::vector<float> k = random.floats(dim), v = random.floats(dim);
      std::byte* block =
          &pool[2 * tile_bytes * static_cast<std::size_t>(block_table[static_cast<std::size_t>(p / kKvBlock)])];
      store_kv(k.data(), v.data(), c.head_dim, p % kKvBlock, block, block + tile_bytes, type);
    }
    q = random.floats(static_cast<std::size_t>(c.n_tokens * c.group) * dim);
    bias = random.floats(static_cast<std::size_t>(c.group * (2 * kLength + kKvBlock)));
  }
};

// The spans in one call, or each by itself and merged.
std::vector<float> attended(const KernelTable& table, const Case& c, KvType type, bool in_parts) {
  const Inputs inputs(c, table.store_kv, type);
  const std::size_t tile_bytes = kv_tile_bytes(c.head_dim, type);
  const AttentionTile tile{inputs.q.data(),
                           c.group * c.head_dim,
                           c.n_tokens,
                           c.group,
                           c.head_dim,
                           kLength - c.n_tokens,
                           c.n_keys,
                           c.window,
                           c.chunk,
                           0.5f,
                           c.softcap,
                           c.has_bias ? inputs.bias.data() + kLength : nullptr,
                           2 * kLength + kKvBlock,
                           inputs.pool.data(),
                           inputs.block_table.data(),
                           2 * tile_bytes,
                           0,
                           tile_bytes,
                           type};
  const auto n_rows = static_cast<std::size_t>(tile.n_rows()), dim = static_cast<std::size_t>(c.head_dim);
  Attended first(n_rows, dim), second(n_rows, dim);
  std::vector<float> scratch(attention_scratch(tile.n_rows(), c.head_dim));
  table.attend(tile, 0, in_parts ? 1 : kSpans, first.state(), scratch.data());
  if (in_parts) {
    table.attend(tile, 1, kSpans, second.state(), scratch.data());
    table.merge_attention(first.state(), second.state(), tile.n_rows(), c.head_dim);
  }
  return first.result();
}

}  // namespace

bool attention_agrees(const KernelTable& table, const KernelTable& plain) {
  for (const KvType type : {KvType::f16, KvType::f32, KvType::i8})
    for (const Case& c : kCases) {
      const std::vector<float> expected = attended(plain, c, type, false);
      for (const bool in_parts : {false, true})
        if (!close(attended(table, c, type, in_parts), expected, 1e-4)) return false;
    }
  return true;
}

}  // namespace llmagentos::kernels
