// Vectors as plain arrays: what the header of an ISA does, lane by lane and bit for bit, on any machine. For the tests,
// which run every kernel over the model of every ISA; no build that is installed has it.
//
// Exact for denormals, infinities, signed zeros and values out of range. Which NaN comes of one is left open.
#pragma once

#include <math.h>

#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernels/simd/model_isa.h"

namespace llmagentos::LLMAGENTOS_ISA::simd {

inline constexpr int kLanes = kModel.lanes;
inline constexpr int kMaxTile = kModel.max_tile;
inline constexpr int kFloatTile = kModel.float_tile;

struct F32 {
  float lane[kLanes];
};
struct I32 {
  std::int32_t lane[kLanes];
};
struct U8 {
  std::uint8_t lane[4 * kLanes];
};

// f(i) in every lane.
template <class F>
static inline F32 floats(F f) {
  F32 out;
  for (int i = 0; i < kLanes; ++i) out.lane[i] = f(i);
  return out;
}
template <class F>
static inline I32 integers(F f) {
  I32 out;
  for (int i = 0; i < kLanes; ++i) out.lane[i] = f(i);
  return out;
}
template <class F>
static inline U8 bytes(F f) {
  U8 out;
  for (int i = 0; i < 4 * kLanes; ++i) out.lane[i] = static_cast<std::uint8_t>(f(i));
  return out;
}

// Halves folded upon each other, the upper one second: the order of every header's reductions.
template <class T, class Op>
static inline T fold(const T (&lanes)[kLanes], Op op) {
  T part[kLanes];
  std::memcpy(part, lanes, sizeof part);
  for (int n = kLanes / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) part[i] = op(part[i], part[i + n]);
  return part[0];
}

// Integers wrap around, as vectors do.
static inline std::int32_t wrap_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

static inline float max_lane(float a, float b) {
  if constexpr (kModel.family == Family::x86) return a > b ? a : b;
  if (a == b) return signbit(a) ? b : a;
  return a > b ? a : a < b ? b : a + b;
}
static inline float min_lane(float a, float b) {
  if constexpr (kModel.family == Family::x86) return a < b ? a : b;
  if (a == b) return signbit(a) ? a : b;
  return a < b ? a : a > b ? b : a + b;
}
static inline std::int32_t nearest_i32(float x) {
  const float nearest = rintf(x);
  if (nearest >= -2147483648.0f && nearest < 2147483648.0f) return static_cast<std::int32_t>(nearest);
  if (kModel.family == Family::x86 || nearest < 0) return INT32_MIN;
  return nearest > 0 ? INT32_MAX : 0;
}

static inline F32 set1(float x) {
  return floats([&](int) { return x; });
}
static inline F32 zero() { return set1(0.0f); }
static inline F32 load(const float* p) {
  F32 out;
  std::memcpy(out.lane, p, sizeof out.lane);
  return out;
}
static inline void store(float* p, F32 x) { std::memcpy(p, x.lane, sizeof x.lane); }
static inline F32 load_half(const std::uint16_t* p) {
  return floats([&](int i) { return half_to_float(p[i]); });
}
static inline void store_half(std::uint16_t* p, F32 x) {
  for (int i = 0; i < kLanes; ++i) p[i] = float_to_half(x.lane[i]);
}
static inline F32 load_bfloat16(const std::uint16_t* p) {
  return floats([&](int i) { return bfloat16_to_float(p[i]); });
}
static inline F32 load_u8_as_float(const std::uint8_t* p) {
  return floats([&](int i) { return static_cast<float>(p[i]); });
}
static inline F32 load_i8_as_float(const std::int8_t* p) {
  return floats([&](int i) { return static_cast<float>(p[i]); });
}
static inline F32 add(F32 a, F32 b) {
  return floats([&](int i) { return a.lane[i] + b.lane[i]; });
}
static inline F32 sub(F32 a, F32 b) {
  return floats([&](int i) { return a.lane[i] - b.lane[i]; });
}
static inline F32 mul(F32 a, F32 b) {
  return floats([&](int i) { return a.lane[i] * b.lane[i]; });
}
static inline F32 div(F32 a, F32 b) {
  return floats([&](int i) { return a.lane[i] / b.lane[i]; });
}
static inline F32 fma(F32 a, F32 b, F32 c) {
  return floats(
      [&](int i) { return kModel.fused ? fmaf(a.lane[i], b.lane[i], c.lane[i]) : a.lane[i] * b.lane[i] + c.lane[i]; });
}
static inline F32 max(F32 a, F32 b) {
  return floats([&](int i) { return max_lane(a.lane[i], b.lane[i]); });
}
static inline F32 min(F32 a, F32 b) {
  return floats([&](int i) { return min_lane(a.lane[i], b.lane[i]); });
}
static inline F32 abs(F32 a) {
  return floats([&](int i) { return bits_to_float(float_to_bits(a.lane[i]) & 0x7fffffffu); });
}
static inline float reduce_max(F32 a) { return fold(a.lane, max_lane); }
static inline float reduce_add(F32 a) {
  return fold(a.lane, [](float x, float y) { return x + y; });
}
static inline F32 zero_below(F32 x, F32 bound, F32 value) {
  return floats([&](int i) { return x.lane[i] < bound.lane[i] ? 0.0f : value.lane[i]; });
}
static inline F32 exp2_integral(F32 n) {
  return floats(
      [&](int i) { return bits_to_float((static_cast<std::uint32_t>(nearest_i32(n.lane[i])) + 127u) << 23); });
}
static inline F32 round(F32 x) {
  return floats([&](int i) { return rintf(x.lane[i]); });
}

static inline I32 set1_i32(std::int32_t x) {
  return integers([&](int) { return x; });
}
static inline F32 to_float(I32 x) {
  return floats([&](int i) { return static_cast<float>(x.lane[i]); });
}
static inline I32 to_i32(F32 x) {
  return integers([&](int i) { return nearest_i32(x.lane[i]); });
}
static inline I32 max_i32(I32 a, I32 b) {
  return integers([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
static inline std::int32_t reduce_max_i32(I32 a) {
  return fold(a.lane, [](std::int32_t x, std::int32_t y) { return x > y ? x : y; });
}
static inline I32 magnitude_bits(F32 x) {
  return integers([&](int i) { return static_cast<std::int32_t>(float_to_bits(x.lane[i]) & 0x7fffffffu); });
}
static inline I32 add_i32(I32 a, I32 b) {
  return integers([&](int i) { return wrap_add(a.lane[i], b.lane[i]); });
}
static inline std::int32_t reduce_add_i32(I32 a) { return fold(a.lane, wrap_add); }
static inline void store_i8(std::int8_t* p, I32 x) {
  for (int i = 0; i < kLanes; ++i)
    p[i] = static_cast<std::int8_t>(x.lane[i] < -128 ? -128 : x.lane[i] > 127 ? 127 : x.lane[i]);
}

static inline void store_u8(std::uint8_t* p, U8 x) { std::memcpy(p, x.lane, sizeof x.lane); }
static inline U8 load_u8(const std::uint8_t* p) {
  U8 out;
  std::memcpy(out.lane, p, sizeof out.lane);
  return out;
}
static inline U8 and_u8(U8 a, std::uint8_t mask) {
  return bytes([&](int i) { return a.lane[i] & mask; });
}
static inline U8 or_u8(U8 a, U8 b) {
  return bytes([&](int i) { return a.lane[i] | b.lane[i]; });
}
// Bytes, or the 16-bit lanes that two of them make: bits cross from one to the other.
template <int n>
static inline U8 shift_right(U8 a) {
  return bytes([&](int i) {
    const int above = kModel.family == Family::x86 && i % 2 == 0 ? a.lane[i + 1] : 0;
    return (above << 8 | a.lane[i]) >> n;
  });
}
template <int n>
static inline U8 shift_left(U8 a) {
  return bytes([&](int i) {
    const int below = kModel.family == Family::x86 && i % 2 == 1 ? a.lane[i - 1] : 0;
    return a.lane[i] << n | below >> (8 - n);
  });
}
static inline U8 table16(const std::uint8_t* table, U8 a) {
  return bytes([&](int i) {
    const bool none = kModel.family == Family::x86 ? a.lane[i] > 127 : a.lane[i] > 15;
    return none ? 0 : table[a.lane[i] & 15];
  });
}

}  // namespace llmagentos::LLMAGENTOS_ISA::simd

#include "kernels/simd/model_dot.h"
