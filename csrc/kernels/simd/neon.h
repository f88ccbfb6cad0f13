// 128-bit vectors: 4 lanes; AArch64's baseline. Also the `neondot` row of the ISA table, where dot() is one instruction
// per 16 products.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace llmagentos::LLMAGENTOS_ISA::simd {

inline constexpr int kLanes = 4;
inline constexpr int kMaxTile = 8;    // tokens a matmul tile holds in registers, of which there are 32
inline constexpr int kFloatTile = 6;  // the same for float weights, whose tiles span a whole row group

using F32 = float32x4_t;
using I32 = int32x4_t;
using U8 = uint8x16_t;

static inline F32 zero() { return vdupq_n_f32(0.0f); }
static inline F32 set1(float x) { return vdupq_n_f32(x); }
static inline F32 load(const float* p) { return vld1q_f32(p); }
static inline void store(float* p, F32 x) { vst1q_f32(p, x); }
// Half precision only as storage: its conversions are in the baseline, its arithmetic is not.
static inline F32 load_half(const std::uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
static inline void store_half(std::uint16_t* p, F32 x) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
static inline F32 load_bfloat16(const std::uint16_t* p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
static inline std::uint32_t load_4_bytes(const void* p) {
  std::uint32_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}
static inline F32 load_u8_as_float(const std::uint8_t* p) {
  const uint16x8_t wide = vmovl_u8(vcreate_u8(load_4_bytes(p)));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
}
static inline F32 load_i8_as_float(const std::int8_t* p) {
  const int16x8_t wide = vmovl_s8(vcreate_s8(load_4_bytes(p)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}
static inline F32 add(F32 a, F32 b) { return vaddq_f32(a, b); }
static inline F32 sub(F32 a, F32 b) { return vsubq_f32(a, b); }
static inline F32 mul(F32 a, F32 b) { return vmulq_f32(a, b); }
static inline F32 div(F32 a, F32 b) { return vdivq_f32(a, b); }
static inline F32 fma(F32 a, F32 b, F32 c) { return vfmaq_f32(c, a, b); }
// Unlike x86's, max and min give NaN when either operand is.
static inline F32 max(F32 a, F32 b) { return vmaxq_f32(a, b); }
static inline F32 min(F32 a, F32 b) { return vminq_f32(a, b); }
static inline F32 abs(F32 a) { return vabsq_f32(a); }
static inline float reduce_max(F32 a) { return vmaxvq_f32(a); }
// (a0 + a2) + (a1 + a3), as on x86.
static inline float reduce_add(F32 a) { return vaddv_f32(vadd_f32(vget_low_f32(a), vget_high_f32(a))); }
// 0 where x < bound, else value (so also where x is NaN).
static inline F32 zero_below(F32 x, F32 bound, F32 value) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(value), vcltq_f32(x, bound)));
}
// 2^n for integral n in [-126, 127].
static inline F32 exp2_integral(F32 n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}
static inline F32 round(F32 x) { return vrndnq_f32(x); }

static inline I32 set1_i32(std::int32_t x) { return vdupq_n_s32(x); }
static inline F32 to_float(I32 x) { return vcvtq_f32_s32(x); }
static inline I32 to_i32(F32 x) { return vcvtnq_s32_f32(x); }  // to nearest even
static inline I32 max_i32(I32 a, I32 b) { return vmaxq_s32(a, b); }
static inline std::int32_t reduce_max_i32(I32 a) { return vmaxvq_s32(a); }
// The bits of |x|: ordered as the magnitudes are, with NaN above everything.
static inline I32 magnitude_bits(F32 x) { return vreinterpretq_s32_f32(vabsq_f32(x)); }
static inline I32 add_i32(I32 a, I32 b) { return vaddq_s32(a, b); }
static inline std::int32_t reduce_add_i32(I32 a) { return vaddvq_s32(a); }
static inline void store_i8(std::int8_t* p, I32 x) {
  const int16x4_t half = vqmovn_s32(x);
  const std::int32_t bits = vget_lane_s32(vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(half, half))), 0);
  std::memcpy(p, &bits, sizeof bits);
}

static inline void store_u8(std::uint8_t* p, U8 x) { vst1q_u8(p, x); }
static inline U8 load_u8(const std::uint8_t* p) { return vld1q_u8(p); }
static inline U8 and_u8(U8 a, std::uint8_t mask) { return vandq_u8(a, vdupq_n_u8(mask)); }
static inline U8 or_u8(U8 a, U8 b) { return vorrq_u8(a, b); }
// Shifts of bytes; elsewhere of 16-bit lanes: mask afterwards.
template <int n>
static inline U8 shift_right(U8 a) {
  return vshrq_n_u8(a, n);
}
template <int n>
static inline U8 shift_left(U8 a) {
  return vshlq_n_u8(a, n);
}
// Byte table look-up: table[a] for a in 0..15.
static inline U8 table16(const std::uint8_t* table, U8 a) { return vqtbl1q_u8(vld1q_u8(table), a); }

// Per lane: the sum over kGroups groups of 4 bytes of (w - kZero) * x, exact in int32.
// w[g]: unsigned kBits-bit weights, 4 consecutive k of one row per lane. x: 4 * kGroups activations in [-127, 127].
// neg_sum: minus the sum of those activations.
// Products are of signed bytes: weights of fewer bits are that already, 8-bit ones minus 128 are.
template <int kBits, int kZero, int kGroups>
static inline I32 dot(const U8* w, const std::int8_t* x, std::int32_t neg_sum) {
  static_assert(kBits < 8 || kZero == 128);
  static_assert(kGroups % 4 == 0);
  const auto weights = [w](int g) { return vreinterpretq_s8_u8(kBits == 8 ? veorq_u8(w[g], vdupq_n_u8(0x80)) : w[g]); };
  I32 sum = vdupq_n_s32(kBits == 8 ? 0 : neg_sum * kZero);
#ifdef __ARM_FEATURE_DOTPROD
  for (int g = 0; g < kGroups; g += 4) {
    const int8x16_t four = vld1q_s8(x + 4 * g);
    sum = vdotq_laneq_s32(sum, weights(g), four, 0);
    sum = vdotq_laneq_s32(sum, weights(g + 1), four, 1);
    sum = vdotq_laneq_s32(sum, weights(g + 2), four, 2);
    sum = vdotq_laneq_s32(sum, weights(g + 3), four, 3);
  }
#else
  // A pair of products reaches this many times 254, and kAdds pairs fit int16.
  constexpr int kLargest = kBits == 8 ? 128 : (1 << kBits) - 1;
  constexpr int kAdds = 32767 / (kLargest * 254);
  const auto broadcast4 = [x](int g) { return vreinterpretq_s8_u32(vdupq_n_u32(load_4_bytes(x + 4 * g))); };
  for (int g = 0; g < kGroups; g += kAdds) {
    int8x16_t a = weights(g), b = broadcast4(g);
    int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
    for (int i = g + 1; i < g + kAdds && i < kGroups; ++i) {
      a = weights(i);
      b = broadcast4(i);
      low = vmlal_s8(low, vget_low_s8(a), vget_low_s8(b));
      high = vmlal_high_s8(high, a, b);
    }
    sum = vpadalq_s16(sum, vpaddq_s16(low, high));
  }
#endif
  return sum;
}

}  // namespace llmagentos::LLMAGENTOS_ISA::simd
