// Rounding and limits for the block formats. All `static inline`, and no templates of the standard library: kernels
// compile these headers for several ISAs (base/half.h tells why).
#pragma once

#include <cstdint>

#include "base/half.h"

namespace llmagentos {

static inline float magnitude_of(float x) { return x < 0.0f ? -x : x; }

static inline int clamp_int(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

// Nearest integer, ties to even, for |x| < 2^22: the sum's rounding leaves the integer in the low mantissa bits.
// Larger values and NaN give some integer, which callers clamp.
static inline int round_to_int(float x) {
  return static_cast<int>(float_to_bits(x + 12582912.0f) & 0x7fffffu) - 0x400000;
}

// The integer part of x, held to [0, high].
static inline int truncate_to(float x, int high) {
  if (!(x > 0.0f)) return 0;
  return x >= static_cast<float>(high) ? high : static_cast<int>(x);
}

// 1 / scale, and 0 where that is no finite number: every quant of the block is then 0.
static inline float inverse_of(float scale) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  return magnitude_of(inverse) <= 3.402823466e38f ? inverse : 0.0f;
}

}  // namespace llmagentos
