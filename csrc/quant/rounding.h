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

// A scale as f16. Near f16's subnormals the nearest value may be so much smaller that the largest quants no longer
// reach: the next larger one is taken there.
static inline std::uint16_t scale_to_half(float scale) {
  const std::uint16_t half = float_to_half(scale);
  const float wanted = magnitude_of(scale);
  const bool too_small = wanted - magnitude_of(half_to_float(half)) > wanted * 0.002f;
  // Below half of the smallest f16 the values count as zero.
  return too_small && (half & 0x7fffu) != 0 ? static_cast<std::uint16_t>(half + 1) : half;
}

// A sum over many values in eight parts, so that compilers can compute it in vectors.
struct LaneSum {
  static constexpr int kLanes = 8;
  float lanes[kLanes] = {};

  float total() const {
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
  }
};

}  // namespace llmagentos
