// Products with float weights, packed as [k][16 rows] in their own type.
#pragma once

#include "kernels/matmul/row_vectors.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

namespace {

template <DType kDType>
inline F32 load_weight(const std::byte* group, std::size_t index) {
  if constexpr (kDType == DType::f32) return load(reinterpret_cast<const float*>(group) + index);
  if constexpr (kDType == DType::f16) return load_half(reinterpret_cast<const std::uint16_t*>(group) + index);
  if constexpr (kDType == DType::bf16) return load_bfloat16(reinterpret_cast<const std::uint16_t*>(group) + index);
}

// kTokens tokens, `width` floats apart for each k, against all rows of the group.
template <DType kDType, int kTokens>
void float_tile(const std::byte* group, const float* x, std::size_t width, std::size_t n_cols, float* out,
                std::ptrdiff_t out_stride) {
  F32 acc[kTokens][kVectors];
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t)
    for (int v = 0; v < kVectors; ++v) acc[t][v] = zero();
  for (std::size_t k = 0; k < n_cols; ++k, x += width) {
    F32 w[kVectors];
    LLMAGENTOS_UNROLL
    for (int v = 0; v < kVectors; ++v)
      w[v] = load_weight<kDType>(group, k * kRowGroup + static_cast<std::size_t>(v * kLanes));
    LLMAGENTOS_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const F32 value = set1(x[t]);
      for (int v = 0; v < kVectors; ++v) acc[t][v] = fma(w[v], value, acc[t][v]);
    }
  }
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t)
    for (int v = 0; v < kVectors; ++v) store(out + t * out_stride + v * kLanes, acc[t][v]);
}

// The tile of exactly n tokens, 1 <= n <= kTokens.
template <DType kDType, int kTokens>
void float_tile_of(int n, const std::byte* group, const float* x, std::size_t width, std::size_t n_cols, float* out,
                   std::ptrdiff_t out_stride) {
  if constexpr (kTokens > 1)
    if (n < kTokens) return float_tile_of<kDType, kTokens - 1>(n, group, x, width, n_cols, out, out_stride);
  float_tile<kDType, kTokens>(group, x, width, n_cols, out, out_stride);
}

template <DType kDType>
void multiply_float_group(const std::byte* group, const MatmulInput& x, int first_token, int n_tokens,
                          std::size_t n_cols, float* out, std::ptrdiff_t out_stride) {
  for (int t = 0; t < n_tokens; t += kPanel) {
    const int left = x.n_tokens - first_token - t, width = left < kPanel ? left : kPanel;
    const float* panel = x.panels + static_cast<std::size_t>(first_token + t) * n_cols;
    // Tiles of nearly the same size: a small last one would wait for its own sums.
    for (int done = 0, size; done < width; done += size) {
      const int n_tiles = (width - done + kFloatTile - 1) / kFloatTile;
      size = (width - done + n_tiles - 1) / n_tiles;
      float_tile_of<kDType, kFloatTile>(size, group, panel + done, static_cast<std::size_t>(width), n_cols,
                                        out + (t + done) * out_stride, out_stride);
    }
  }
}

template <DType kDType>
void multiply_float(const std::byte* groups, int n_groups, const MatmulInput& x, int first_token, int n_tokens,
                    std::size_t n_cols, float* out, std::ptrdiff_t out_stride, float*) {
  constexpr std::size_t kElementBytes = kDType == DType::f32 ? 4 : 2;
  for (int g = 0; g < n_groups; ++g)
    multiply_float_group<kDType>(groups + static_cast<std::size_t>(g) * n_cols * kRowGroup * kElementBytes, x,
                                 first_token, n_tokens, n_cols, out + g * kRowGroup, out_stride);
}

}  // namespace
}  // namespace llmagentos::LLMAGENTOS_ISA
