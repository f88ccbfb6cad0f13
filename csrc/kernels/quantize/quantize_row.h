// Activations to 8 bits: halves of 16, scale = largest magnitude / 127, to nearest even. The scale stays float32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/matmul/matmul.h"

namespace llmagentos::kernels {

// A half whose largest magnitude is below this counts as zero: its inverse scale would overflow.
inline constexpr float kSmallestPeak = 1e-30f;

// x[n] -> quants[n] in [-127, 127] and meta[n / kBlock]; n is a multiple of kBlock. NaN or infinite input gives
// unspecified quants and a scale that is NaN or infinite, so that the fault stays visible in the results.
using QuantizeRow = void(const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta);

}  // namespace llmagentos::kernels
