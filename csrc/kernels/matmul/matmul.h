// Contract of the matrix products: y[t, n] = sum over k of x[t, k] * w[n, k], for packed weights.
//
// Weights are packed once, at load, in groups of kRowGroup output rows (see layouts.h); quants are kept bit for bit.
// A product runs over one group and any number of tokens. Each output element is reduced in an order that depends on
// its own row and token only: int32 within a half block of kHalf values of k (exact), float32 over halves in sequence
// (float weights: float32 over k in sequence). So a result depends neither on how many tokens are passed at once nor
// on who computes the neighbouring groups.
//
// Error: with 8-bit activations, each of a half block's 16 is rounded to a 127th of the largest among them. Halves of
// 16 rather than blocks of 32 are what keeps perplexity close to float32's (docs/accuracy.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu_features.h"
#include "base/dtype.h"

namespace llmagentos::kernels {

inline constexpr int kRowGroup = 16;  // output rows per packed group: one 512-bit register of 32-bit lanes
inline constexpr int kBlock = 32;     // values of k that share a weight scale (at most)
inline constexpr int kHalf = 16;      // values of k that share an activation scale
inline constexpr int kPanel = 16;     // tokens of a panel of float activations
inline constexpr int kMaxGroups = 2;  // row groups of one product

// Floats that hold a column of one unpacked group: 16 bytes of quants, and of each 32 columns up to two vectors of
// scales.
inline constexpr std::size_t kUnpackedFloats = 5;

// Of what a product needs beside its operands, with room to align it.
constexpr std::size_t scratch_floats(std::size_t n_cols) { return kMaxGroups * kUnpackedFloats * n_cols + 16; }

// What a product needs to know of 32 quantised activations x = scale * q, by halves of 16.
struct BlockMeta {
  float scale[2];
  float scaled_sum;         // sum of scale * q over the block
  std::int16_t neg_sum[2];  // minus the sum of q over each half
  bool operator==(const BlockMeta&) const = default;
};

// The input rows, in the form that the kernel's `activation` names. Strides count elements.
//
// Panels hold kPanel tokens each, the last one those that are left: [k][tokens of the panel], panel after panel. So the
// values that one weight meets lie side by side, and whatever the width, no two tokens compete for a cache set.
struct MatmulInput {
  const float* values = nullptr;  // Activation::f32
  std::ptrdiff_t value_stride = 0;
  const float* panels = nullptr;        // Activation::panels
  int n_tokens = 0;                     // of all panels
  const std::int8_t* quants = nullptr;  // Activation::q8, in [-127, 127]
  std::ptrdiff_t quant_stride = 0;
  const BlockMeta* meta = nullptr;
  std::ptrdiff_t meta_stride = 0;
  // Activation::f32 and q8: where the row of each token is; null: they are in sequence.
  const std::int32_t* rows = nullptr;
  // Activation::q8 of one token: how many bytes before their use weights are asked for; 0: the processor does that.
  std::size_t stream_ahead = 0;
};

// The best `stream_ahead` for a processor.
std::size_t stream_ahead(const CpuFeatures& cpu);

enum class Activation { f32, panels, q8 };

struct MatmulKernel {
  DType dtype;
  Activation activation;

  // Bytes of one packed group of n_cols columns. n_cols is a multiple of the format's block (and of kBlock for q8).
  std::size_t (*group_bytes)(std::size_t n_cols);

  // Packs n_rows <= kRowGroup rows of the file's layout, row_stride bytes apart; missing rows become zero.
  void (*pack_group)(const std::byte* rows, std::size_t row_stride, int n_rows, std::size_t n_cols, std::byte* group);

  // One row of a packed group as float32, equal to the format's reference decoding bit for bit.
  void (*decode_row)(const std::byte* group, int row, std::size_t n_cols, float* out);

  // Of n_groups <= kMaxGroups packed groups that follow each other, out[t * out_stride + r] for t < n_tokens and
  // r < n_groups * kRowGroup, from input rows first_token... `scratch` holds scratch_floats(n_cols). `out` must not
  // alias the input. For panels, first_token begins one, and n_tokens ends one.
  void (*multiply)(const std::byte* groups, int n_groups, const MatmulInput& x, int first_token, int n_tokens,
                   std::size_t n_cols, float* out, std::ptrdiff_t out_stride, float* scratch);
};

using MultiplyFn = decltype(MatmulKernel::multiply);

// What each ISA defines: `multiply` of a packed format, nullptr where it has none.
using MultiplyFor = MultiplyFn(DType dtype);

}  // namespace llmagentos::kernels
