// What the tests of kernels feed them: random numbers, weights of every format, caches, tiles of queries.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/half.h"
#include "kernels/matmul/packing.h"
#include "kernels/table.h"
#include "quant/formats.h"

using namespace llmagentos;
using namespace llmagentos::kernels;

inline std::mt19937 generator(7);

inline std::vector<float> normal(std::size_t n, float deviation = 1.0f) {
  std::normal_distribution<float> distribution(0.0f, deviation);
  std::vector<float> out(n);
  for (float& x : out) x = distribution(generator);
  return out;
}

// Where a format's blocks keep their scale, and their min behind it if they have one.
inline void put_scales(DType dtype, std::byte* block, float scale, float min) {
  if (dtype == DType::mxfp4) {
    *block = static_cast<std::byte>(generator() % 8 == 0 ? generator() % 2 : 118 + generator() % 8);
    return;
  }
  const std::uint16_t d = float_to_half(scale), m = float_to_half(min);
  block += dtype == DType::q2_k ? 80 : dtype == DType::q3_k ? 108 : dtype == DType::q6_k ? 208 : 0;
  std::memcpy(block, &d, 2);
  for (const DType with_min : {DType::q4_1, DType::q5_1, DType::q2_k, DType::q4_k, DType::q5_k})
    if (dtype == with_min) std::memcpy(block + 2, &m, 2);
}

// The values encoded; where there is no encoder, random bytes everywhere but for ordinary scales, or scales at the ends
// of what the format holds.
inline std::vector<std::byte> rows_of(DType dtype, std::size_t n_cols, int n_rows, const std::vector<float>& values) {
  const FormatOps& ops = format_ops(dtype);
  std::vector<std::byte> rows(row_bytes(dtype, n_cols) * static_cast<std::size_t>(n_rows));
  if (ops.encode) {
    ops.encode(values.data(), nullptr, rows.data(), n_cols * static_cast<std::size_t>(n_rows));
    return rows;
  }
  for (std::byte& b : rows) b = static_cast<std::byte>(generator() >> 24);
  for (std::size_t at = 0; at < rows.size(); at += dtype_info(dtype).block_bytes)
    put_scales(dtype, &rows[at], normal(1, 0.01f)[0], normal(1, 0.01f)[0]);
  return rows;
}

// Rows of activations as the float products take them.
inline std::vector<float> panels_of(const std::vector<float>& x, std::size_t n_cols) {
  const auto n_tokens = static_cast<int>(x.size() / n_cols);
  std::vector<float> panels(x.size());
  for (int t = 0; t < n_tokens; t += kPanel)
    pack_panel(&x[static_cast<std::size_t>(t) * n_cols], static_cast<std::ptrdiff_t>(n_cols),
               std::min(kPanel, n_tokens - t), n_cols, &panels[static_cast<std::size_t>(t) * n_cols]);
  return panels;
}

struct Cache {
  std::vector<std::byte> pool;
  std::vector<std::int32_t> table;
  std::size_t tile_bytes;
};

// A cache of `length` tokens in shuffled blocks; slots past the end are filled with large numbers.
inline Cache make_cache(StoreKv* store_kv, int length, int dim, KvType type, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  const int n_blocks = (length + kKvBlock - 1) / kKvBlock;
  Cache cache{{}, {}, kv_tile_bytes(dim, type)};
  cache.pool.resize(2 * cache.tile_bytes * static_cast<std::size_t>(n_blocks));
  for (int b = 0; b < n_blocks; ++b) cache.table.push_back((b * 7 + 3) % n_blocks);
  std::vector<bool> taken(static_cast<std::size_t>(n_blocks));
  for (std::int32_t& b : cache.table) {
    while (taken[static_cast<std::size_t>(b)]) b = (b + 1) % n_blocks;
    taken[static_cast<std::size_t>(b)] = true;
  }
  std::vector<float> k(static_cast<std::size_t>(dim)), v(k.size());
  for (int p = 0; p < n_blocks * kKvBlock; ++p) {
    for (float& x : k) x = p < length ? distribution(random) : 1e4f;
    for (float& x : v) x = p < length ? distribution(random) : 1e4f;
    std::byte* block = &cache.pool[2 * cache.tile_bytes *
                                   static_cast<std::size_t>(cache.table[static_cast<std::size_t>(p / kKvBlock)])];
    store_kv(k.data(), v.data(), dim, p % kKvBlock, block, block + cache.tile_bytes, type);
  }
  return cache;
}

// Queries at the end of a sequence of `length` tokens.
struct AttentionShape {
  int dim, group, n_tokens, length, window;
  float softcap;
  bool is_bidirectional = false;
  const float* bias = nullptr;  // [group][2 * length + kKvBlock], distance 0 at `length`
  int chunk = 0;
  int rows() const { return n_tokens * group; }
  int spans() const { return (length + kSpan - 1) / kSpan; }
};

inline AttentionTile tile_of(const AttentionShape& shape, const Cache& cache, KvType type, const float* q) {
  return {q,
          shape.group * shape.dim,
          shape.n_tokens,
          shape.group,
          shape.dim,
          shape.length - shape.n_tokens,
          shape.is_bidirectional ? shape.length : 0,
          shape.window,
          shape.chunk,
          1.0f / std::sqrt(static_cast<float>(shape.dim)),
          shape.softcap,
          shape.bias ? shape.bias + shape.length : nullptr,
          2 * shape.length + kKvBlock,
          cache.pool.data(),
          cache.table.data(),
          2 * cache.tile_bytes,
          0,
          cache.tile_bytes,
          type};
}

// Begins as garbage: attend() sets all of it.
struct Attended {
  std::vector<float> values, maxima, sums;
  AttentionState state() { return {values.data(), maxima.data(), sums.data()}; }
  explicit Attended(int rows, int dim)
      : values(static_cast<std::size_t>(rows * dim), std::nanf("")),
        maxima(static_cast<std::size_t>(rows), std::nanf("")),
        sums(maxima.size(), std::nanf("")) {}
  std::vector<float> result() const {
    std::vector<float> out = values;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] /= sums[i / (values.size() / sums.size())];
    return out;
  }
};
