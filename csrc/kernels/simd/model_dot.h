// dot() of the models: through the same int16 sums as the instructions, so that what would overflow there does here.
#pragma once

#include <cstdint>

#include "kernels/simd/model_isa.h"

namespace llmagentos::LLMAGENTOS_ISA::simd {

static inline std::int16_t wrap_i16(int x) { return static_cast<std::int16_t>(static_cast<std::uint16_t>(x)); }

// Two products of neighbours, as x86's maddubs adds them: to the ends of int16.
static inline std::int16_t saturated_pair(const int (&w)[4], const int (&x)[4], int first) {
  const int sum = w[first] * x[first] + w[first + 1] * x[first + 1];
  return static_cast<std::int16_t>(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

// One lane's four weights and activations of one group, as the family multiplies them: x86 unsigned by signed bytes,
// for which int16 pairs of 8-bit weights move the sign from weight to activation; ARM signed by signed.
template <int kBits>
static inline void operands(const U8& weights, const std::int8_t* activations, int lane, int (&w)[4], int (&x)[4]) {
  for (int i = 0; i < 4; ++i) {
    const std::uint8_t byte = weights.lane[4 * lane + i];
    w[i] = byte;
    x[i] = activations[i];
    if constexpr (kModel.family == Family::arm) {
      w[i] = static_cast<std::int8_t>(kBits == 8 ? byte ^ 0x80 : byte);
    } else if constexpr (kBits == 8 && kModel.products == Products::pairs) {
      const int signed_w = static_cast<std::int8_t>(byte ^ 0x80);
      w[i] = signed_w < 0 ? -signed_w : signed_w;
      if (signed_w < 0) x[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(-x[i]));
    }
  }
}

template <int kBits, int kZero, int kGroups>
static inline I32 dot(const U8* w, const std::int8_t* x, std::int32_t neg_sum) {
  constexpr bool kArm = kModel.family == Family::arm;
  constexpr bool kPairs = kModel.products == Products::pairs;
  // Where weights are multiplied without their offset of 128, nothing is left to subtract.
  constexpr bool kSigned = kBits == 8 && (kArm || kPairs);
  static_assert(kBits < 8 || kZero == 128);
  constexpr int kLargest = kSigned && kArm ? 128 : (1 << kBits) - 1;
  constexpr int kAdds = kSigned ? 1 : kPairs ? 32767 / (kLargest * 254) : 1;
  I32 sum = set1_i32(kSigned ? 0 : neg_sum * kZero);
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int g = 0; g < kGroups; g += kAdds) {
      std::int16_t part[4] = {};  // x86 uses two: its pairs are sums already
      for (int i = g; i < g + kAdds && i < kGroups; ++i) {
        int wide_w[4], wide_x[4];
        operands<kBits>(w[i], x + 4 * i, lane, wide_w, wide_x);
        if constexpr (!kPairs) {
          for (int j = 0; j < 4; ++j) sum.lane[lane] = wrap_add(sum.lane[lane], wide_w[j] * wide_x[j]);
        } else if constexpr (kArm) {
          for (int j = 0; j < 4; ++j) part[j] = wrap_i16(part[j] + wide_w[j] * wide_x[j]);
        } else {
          for (int j = 0; j < 2; ++j) part[j] = wrap_i16(part[j] + saturated_pair(wide_w, wide_x, 2 * j));
        }
      }
      // ARM adds neighbours in int16 first, then both families neighbours in int32.
      const int low = kArm ? wrap_i16(part[0] + part[1]) : part[0], high = kArm ? wrap_i16(part[2] + part[3]) : part[1];
      sum.lane[lane] = wrap_add(sum.lane[lane], low + high);
    }
  }
  return sum;
}

}  // namespace llmagentos::LLMAGENTOS_ISA::simd
