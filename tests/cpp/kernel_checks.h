// One ISA's kernels against the plain reference: random and edge inputs, shapes with and without rests. For the ISAs
// that this machine has, and for the models of all.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>

#include "check.h"
#include "kernel_inputs.h"
#include "kernels/matmul/packing.h"
#include "kernels/reference.h"
#include "kernels/registry.h"

inline double worst_relative(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0, largest = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return HUGE_VAL;
    worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::fabs(static_cast<double>(b[i])));
  }
  return worst / largest;
}

inline void compare_matmul(const KernelSet& set, DType dtype, std::size_t n_cols, int n_rows,
                           const std::vector<float>& weights, const std::vector<float>& x) {
  const int n_tokens = static_cast<int>(x.size() / n_cols);
  const MatmulKernel fast = set.matmul(dtype, n_cols);
  const MatmulKernel plain = reference_matmul(dtype);
  // A kernel that failed its self-check would have been replaced by the reference.
  if (packed_format(dtype)) CHECK(fast.multiply != plain.multiply);
  const std::vector<std::byte> rows = rows_of(dtype, n_cols, n_rows, weights);
  const std::size_t stride = row_bytes(dtype, n_cols);
  std::vector<std::byte> packed(fast.group_bytes(n_cols)), plain_packed(plain.group_bytes(n_cols));
  fast.pack_group(rows.data(), stride, n_rows, n_cols, packed.data());
  plain.pack_group(rows.data(), stride, n_rows, n_cols, plain_packed.data());

  std::vector<float> seen = x;
  std::vector<std::int8_t> quants(x.size());
  std::vector<BlockMeta> meta(x.size() / kBlock + 1);
  if (fast.activation == Activation::q8)
    for (std::size_t i = 0; i < x.size(); i += kBlock) {
      set.table().quantize_row(&x[i], kBlock, &quants[i], &meta[i / kBlock]);
      for (std::size_t j = i; j < i + kBlock; ++j)
        seen[j] = meta[i / kBlock].scale[j / kHalf % 2] * static_cast<float>(quants[j]);
    }
  const auto width = static_cast<std::ptrdiff_t>(n_cols);
  const std::vector<float> panels = panels_of(x, n_cols);
  const MatmulInput input{x.data(), width, panels.data(), n_tokens, quants.data(), width, meta.data(), width / kBlock};
  const MatmulInput exact{seen.data(), width, nullptr, 0, nullptr, 0, nullptr, 0};
  std::vector<float> scratch(scratch_floats(n_cols)), a(static_cast<std::size_t>(n_tokens * kRowGroup)), b(a.size()),
      one(a.size());
  fast.multiply(packed.data(), 1, input, 0, n_tokens, n_cols, a.data(), kRowGroup, scratch.data());
  plain.multiply(plain_packed.data(), 1, exact, 0, n_tokens, n_cols, b.data(), kRowGroup, scratch.data());
  CHECK(worst_relative(a, b) < 2e-5);
  for (int t = 0; t < n_tokens; ++t) {
    const auto at = static_cast<std::ptrdiff_t>(t) * width;
    const MatmulInput alone{&x[0] + at,    width, &x[0] + at, 1, quants.data() + at, width, meta.data() + at / kBlock,
                            width / kBlock};
    fast.multiply(packed.data(), 1, alone, 0, 1, n_cols, &one[static_cast<std::size_t>(t * kRowGroup)], kRowGroup,
                  scratch.data());
  }
  CHECK(std::memcmp(a.data(), one.data(), a.size() * sizeof(float)) == 0);
  // Two groups at once, here the same.
  std::vector<std::byte> twice = packed;
  twice.insert(twice.end(), packed.begin(), packed.end());
  std::vector<float> both(kMaxGroups * a.size());
  fast.multiply(twice.data(), kMaxGroups, input, 0, n_tokens, n_cols, both.data(), kMaxGroups * kRowGroup,
                scratch.data());
  for (std::size_t at = 0; at < both.size(); at += kRowGroup)
    CHECK(std::memcmp(&both[at], &a[at / kRowGroup / kMaxGroups * kRowGroup], kRowGroup * sizeof(float)) == 0);
  for (int t = 0; t < n_tokens; ++t)
    for (int row = n_rows; row < kRowGroup; ++row) CHECK(a[static_cast<std::size_t>(t * kRowGroup + row)] == 0.0f);

  std::vector<float> decoded(n_cols), expected(n_cols);
  for (int row = 0; row < n_rows; ++row) {
    fast.decode_row(packed.data(), row, n_cols, decoded.data());
    format_ops(dtype).decode(rows.data() + static_cast<std::size_t>(row) * stride, expected.data(), n_cols);
    CHECK(decoded == expected);
  }
}

inline void check_products(const KernelSet& set) {
  std::size_t n_formats = 0;
  const DTypeInfo* formats = dtype_table(n_formats);
  for (std::size_t f = 0; f < n_formats; ++f) {
    const std::size_t unit = formats[f].block_elements;
    for (const auto& [blocks, rows, tokens] :
         {std::tuple(1, 16, 1), std::tuple(3, 16, 7), std::tuple(2, 5, 17), std::tuple(2, 16, 47)}) {
      const std::size_t n_cols =
          unit == 1 ? 37 * static_cast<std::size_t>(blocks) : unit * static_cast<std::size_t>(blocks);
      compare_matmul(set, formats[f].dtype, n_cols, rows, normal(n_cols * static_cast<std::size_t>(rows), 0.1f),
                     normal(n_cols * static_cast<std::size_t>(tokens)));
    }
  }
}

// All weights at one end, or all zero, and activations at theirs: the largest integer sums the kernels meet.
inline void check_products_of_extremes(const KernelSet& set) {
  std::vector<float> x = normal(4 * 512);
  for (std::size_t i = 512; i < x.size(); ++i) x[i] = i < 1024 ? 1.0f : i < 1536 ? -1.0f : i % 2 ? 1.0f : -1.0f;
  for (const DType dtype : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::q4_k, DType::q6_k})
    for (const float sign : {0.0f, 1.0f, -1.0f}) {
      std::vector<float> weights(512 * 16, sign);
      for (std::size_t i = 0; i < weights.size(); i += 32) weights[i] = -sign;
      compare_matmul(set, dtype, 512, 16, weights, x);
    }
}

inline void check_quantize_row(const KernelSet& set) {
  for (const float scale : {0.0f, 1e-40f, 1e-30f, 1.0f, 1e30f}) {
    const std::vector<float> x = normal(256, scale);
    std::vector<std::int8_t> a(256), b(256);
    std::vector<BlockMeta> meta_a(8), meta_b(8);
    set.table().quantize_row(x.data(), 256, a.data(), meta_a.data());
    reference::quantize_row(x.data(), 256, b.data(), meta_b.data());
    CHECK(a == b);
    for (int i = 0; i < 8; ++i) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(meta_a[at].scaled_sum == meta_b[at].scaled_sum);
      CHECK(meta_a[at].scale[0] == meta_b[at].scale[0] && meta_a[at].scale[1] == meta_b[at].scale[1]);
      CHECK(meta_a[at].neg_sum[0] == meta_b[at].neg_sum[0] && meta_a[at].neg_sum[1] == meta_b[at].neg_sum[1]);
    }
  }
}

inline void check_not_a_number_stays_visible(const KernelSet& set) {
  const float nan = std::nanf("");
  for (const std::size_t at : {0u, 5u, 15u}) {
    std::vector<float> x = normal(32), one(32, 1.0f), y(32);
    x[at] = nan;
    std::vector<std::int8_t> quants(32);
    BlockMeta meta;
    set.table().quantize_row(x.data(), 32, quants.data(), &meta);
    CHECK(std::isnan(meta.scale[0]) && !std::isnan(meta.scale[1]));
    reference::quantize_row(x.data(), 32, quants.data(), &meta);
    CHECK(std::isnan(meta.scale[0]) && !std::isnan(meta.scale[1]));
    set.table().glu(x.data(), one.data(), 32, ActivationKind::silu, y.data());
    CHECK(std::isnan(y[at]));
    y = x;
    set.table().softcap(y.data(), 32, 2.0f);
    CHECK(std::isnan(y[at]) && !std::isnan(y[at + 1]));
  }
}

// The error function is good to 1e-7, which is much of what is left of a GELU far below zero.
inline bool is_close(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::fabs(a[i] - b[i]) <= 1e-6f + 1e-5f * std::fabs(b[i]))) return false;
  return true;
}

constexpr ActivationKind kActivations[] = {
    ActivationKind::silu, ActivationKind::gelu,         ActivationKind::gelu_tanh, ActivationKind::gelu_sigmoid,
    ActivationKind::relu, ActivationKind::relu_squared, ActivationKind::tanh,      ActivationKind::sigmoid};

inline void check_row_kernels(const KernelSet& set) {
  for (const std::size_t n : {1u, 2u, 15u, 16u, 33u, 576u}) {
    const std::vector<float> x = normal(n, 3.0f), y = normal(n);
    std::vector<float> a(n), b(n);
    set.table().rms_norm(x.data(), y.data(), n, 1e-6f, a.data());
    reference::rms_norm(x.data(), y.data(), n, 1e-6f, b.data());
    CHECK(worst_relative(a, b) < 1e-5);
    for (const float* bias : {static_cast<const float*>(nullptr), x.data()}) {
      set.table().layer_norm(x.data(), y.data(), bias, n, 1e-6f, a.data());
      reference::layer_norm(x.data(), y.data(), bias, n, 1e-6f, b.data());
      CHECK(worst_relative(a, b) < 1e-5);
    }
    for (const ActivationKind kind : kActivations) {
      set.table().activate(x.data(), n, kind, a.data());
      reference::activate(x.data(), n, kind, b.data());
      CHECK(is_close(a, b));
      set.table().glu(x.data(), y.data(), n, kind, a.data());
      reference::glu(x.data(), y.data(), n, kind, b.data());
      CHECK(is_close(a, b));
    }
    a = b = x;
    set.table().softcap(a.data(), n, 2.0f);
    reference::softcap(b.data(), n, 2.0f);
    CHECK(worst_relative(a, b) < 1e-5);
  }
}

inline void check_activations_saturate(const KernelSet& set) {
  const std::vector<float> x = {-1e30f, -1000.0f, -88.0f, 0.0f, 88.0f, 1000.0f, 1e10f}, one(x.size(), 1.0f);
  std::vector<float> y(x.size());
  set.table().glu(x.data(), one.data(), x.size(), ActivationKind::silu, y.data());
  CHECK(std::fabs(y[0]) < 1e-6f && std::fabs(y[1]) < 1e-30f);
  CHECK(y[3] == 0.0f && y[5] == 1000.0f && y[6] == 1e10f);
  for (const ActivationKind kind : {ActivationKind::gelu, ActivationKind::gelu_sigmoid, ActivationKind::relu}) {
    set.table().activate(x.data(), x.size(), kind, y.data());
    CHECK(std::fabs(y[0]) < 1e-6f && std::fabs(y[1]) < 1e-30f);
    CHECK(y[3] == 0.0f && y[5] == 1000.0f && y[6] == 1e10f);
  }
}

inline void compare_attention(const KernelSet& set, const AttentionShape& shape, KvType type) {
  const int dim = shape.dim, rows = shape.rows(), spans = shape.spans();
  const Cache cache = make_cache(set.store_kv(dim), shape.length, dim, type, 11);
  const Cache plain_cache = make_cache(reference::store_kv, shape.length, dim, type, 11);
  CHECK(cache.pool == plain_cache.pool);
  const std::vector<float> q = normal(static_cast<std::size_t>(rows * dim));
  const AttentionTile tile = tile_of(shape, cache, type, q.data());
  std::vector<float> scratch(attention_scratch(rows, dim));
  Attended fast(rows, dim), plain(rows, dim);
  set.attend(dim)(tile, 0, spans, fast.state(), scratch.data());
  reference::attend(tile, 0, spans, plain.state(), nullptr);
  CHECK(worst_relative(fast.result(), plain.result()) < 2e-5);

  // One span at a time, merged in order: the same bits.
  Attended parts(rows, dim);
  for (int span = 0; span < spans; ++span) {
    Attended part(rows, dim);
    set.attend(dim)(tile, span, span + 1, span ? part.state() : parts.state(), scratch.data());
    if (span) set.merge_attention(dim)(parts.state(), part.state(), rows, dim);
  }
  CHECK(parts.values == fast.values && parts.sums == fast.sums);

  // One token at a time: the same bits.
  for (int t = 0; t < shape.n_tokens; ++t) {
    AttentionTile single = tile;
    single.q += t * tile.q_stride;
    single.n_tokens = 1;
    single.first_position += t;
    Attended alone(shape.group, dim);
    const int n_spans = (single.end_of_keys() + kSpan - 1) / kSpan;
    set.attend(dim)(single, 0, n_spans, alone.state(), scratch.data());
    CHECK(std::memcmp(alone.values.data(), &fast.values[static_cast<std::size_t>(t * shape.group * dim)],
                      alone.values.size() * sizeof(float)) == 0);
  }
}

// A window that no sequence is as long as hides nothing.
inline void check_widest_window(const KernelSet& set) {
  const AttentionShape shape{64, 3, 8, 130, 0, 0};  // queries on both sides of a span's end
  const Cache cache = make_cache(set.store_kv(shape.dim), shape.length, shape.dim, KvType::f16, 11);
  const std::vector<float> q = normal(static_cast<std::size_t>(shape.rows() * shape.dim));
  AttentionTile tile = tile_of(shape, cache, KvType::f16, q.data());
  std::vector<float> scratch(attention_scratch(shape.rows(), shape.dim));
  for (Attend* attend : {set.attend(shape.dim), &reference::attend}) {
    Attended open(shape.rows(), shape.dim), wide(shape.rows(), shape.dim);
    tile.window = 0;
    attend(tile, 0, shape.spans(), open.state(), scratch.data());
    tile.window = std::numeric_limits<int>::max();
    attend(tile, 0, shape.spans(), wide.state(), scratch.data());
    CHECK(wide.values == open.values && wide.maxima == open.maxima && wide.sums == open.sums);
  }
}

// Spans that a window has left behind may be skipped or computed, whatever lies there: the same bits. A range without
// spans is a state that has seen no key.
inline void check_hidden_spans(const KernelSet& set) {
  const AttentionShape shape{64, 3, 4, 300, 20, 0};
  Cache cache = make_cache(set.store_kv(shape.dim), shape.length, shape.dim, KvType::f32, 11);
  const std::vector<float> q = normal(static_cast<std::size_t>(shape.rows() * shape.dim)), nan(64, std::nanf(""));
  std::byte* block = &cache.pool[2 * cache.tile_bytes * static_cast<std::size_t>(cache.table[0])];
  set.store_kv(shape.dim)(nan.data(), nan.data(), shape.dim, 5, block, block + cache.tile_bytes, KvType::f32);
  const AttentionTile tile = tile_of(shape, cache, KvType::f32, q.data());
  std::vector<float> scratch(attention_scratch(shape.rows(), shape.dim), std::nanf(""));
  Attended all(shape.rows(), shape.dim), seen(shape.rows(), shape.dim), none(shape.rows(), shape.dim);
  set.attend(shape.dim)(tile, 0, shape.spans(), all.state(), scratch.data());
  set.attend(shape.dim)(tile, shape.spans() - 1, shape.spans(), seen.state(), scratch.data());
  CHECK(all.values == seen.values && all.maxima == seen.maxima && all.sums == seen.sums);
  set.attend(shape.dim)(tile, 1, 1, none.state(), scratch.data());
  CHECK(std::all_of(none.values.begin(), none.values.end(), [](float x) { return x == 0; }));
  CHECK(std::all_of(none.maxima.begin(), none.maxima.end(), [](float x) { return std::isinf(x) && x < 0; }));
}

inline void check_attention(const KernelSet& set) {
  check_hidden_spans(set);
  for (const KvType type : {KvType::f16, KvType::f32, KvType::i8}) {
    compare_attention(set, {64, 3, 1, 1, 0, 0}, type);
    compare_attention(set, {64, 3, 8, 300, 0, 0}, type);
    compare_attention(set, {256, 4, 5, 161, 100, 0}, type);
    compare_attention(set, {48, 1, 7, 129, 16, 5.0f}, type);
    compare_attention(set, {80, 2, 3, 3, 0, 0}, type);
    compare_attention(set, {20, 2, 3, 150, 0, 0}, type);  // no whole vectors: the reference serves
    const std::vector<float> bias = normal(3 * (2 * 300 + kKvBlock), 2.0f);
    compare_attention(set, {64, 3, 8, 300, 0, 0, false, bias.data()}, type);
    compare_attention(set, {64, 3, 300, 300, 0, 0, true, bias.data()}, type);
    compare_attention(set, {32, 2, 140, 140, 0, 0, true}, type);
    compare_attention(set, {32, 2, 200, 200, 30, 0, true}, type);  // a window to both sides
    for (const int chunk : {1, 7, 32, 128, 150, 1000})
      compare_attention(set, {32, 2, 290, 290, 0, 0, false, nullptr, chunk}, type);
    compare_attention(set, {32, 2, 290, 290, 30, 0, false, nullptr, 40}, type);  // both
  }
}

inline void check_half_precision_cache_saturates(const KernelSet& set) {
  std::vector<float> big(16, 1e9f), small(16, -1e9f);
  std::vector<std::uint16_t> k(16 * kKvBlock), v(16 * kKvBlock);
  set.store_kv(16)(big.data(), small.data(), 16, 3, reinterpret_cast<std::byte*>(k.data()),
                   reinterpret_cast<std::byte*>(v.data()), KvType::f16);
  CHECK(half_to_float(k[3]) == 65504.0f);
  CHECK(half_to_float(v[3 * 16]) == -65504.0f);
}
