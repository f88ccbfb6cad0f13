// 128-bit vectors: 4 lanes; x86-64-v2 (SSE4.2), the oldest x86 supported. No FMA: fma() rounds twice here.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "base/half.h"

namespace llmagentos::LLMAGENTOS_ISA::simd {

inline constexpr int kLanes = 4;
inline constexpr int kMaxTile = 2;    // tokens a matmul tile holds in registers
inline constexpr int kFloatTile = 2;  // the same for float weights, whose tiles span a whole row group

using F32 = __m128;
using I32 = __m128i;
using U8 = __m128i;

static inline F32 zero() { return _mm_setzero_ps(); }
static inline F32 set1(float x) { return _mm_set1_ps(x); }
static inline F32 load(const float* p) { return _mm_loadu_ps(p); }
static inline void store(float* p, F32 x) { _mm_storeu_ps(p, x); }
static inline F32 load_half(const std::uint16_t* p) {
  return _mm_setr_ps(half_to_float(p[0]), half_to_float(p[1]), half_to_float(p[2]), half_to_float(p[3]));
}
static inline void store_half(std::uint16_t* p, F32 x) {
  float lanes[4];
  _mm_storeu_ps(lanes, x);
  for (int i = 0; i < 4; ++i) p[i] = float_to_half(lanes[i]);
}
static inline F32 load_bfloat16(const std::uint16_t* p) {
  const __m128i wide = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return _mm_castsi128_ps(_mm_slli_epi32(wide, 16));
}
static inline __m128i load_4_bytes(const void* p) {
  std::int32_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return _mm_cvtsi32_si128(bits);
}
static inline F32 load_u8_as_float(const std::uint8_t* p) {
  return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(load_4_bytes(p)));
}
static inline F32 load_i8_as_float(const std::int8_t* p) { return _mm_cvtepi32_ps(_mm_cvtepi8_epi32(load_4_bytes(p))); }
static inline F32 add(F32 a, F32 b) { return _mm_add_ps(a, b); }
static inline F32 sub(F32 a, F32 b) { return _mm_sub_ps(a, b); }
static inline F32 mul(F32 a, F32 b) { return _mm_mul_ps(a, b); }
static inline F32 div(F32 a, F32 b) { return _mm_div_ps(a, b); }
static inline F32 fma(F32 a, F32 b, F32 c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
static inline F32 max(F32 a, F32 b) { return _mm_max_ps(a, b); }
static inline F32 min(F32 a, F32 b) { return _mm_min_ps(a, b); }
static inline F32 abs(F32 a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
static inline float reduce_max(F32 a) {
  const __m128 m = _mm_max_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
static inline float reduce_add(F32 a) {
  const __m128 s = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
// 0 where x < bound, else value (so also where x is NaN).
static inline F32 zero_below(F32 x, F32 bound, F32 value) { return _mm_and_ps(_mm_cmpnlt_ps(x, bound), value); }
// 2^n for integral n in [-126, 127].
static inline F32 exp2_integral(F32 n) {
  return _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23));
}
static inline F32 round(F32 x) { return _mm_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline I32 set1_i32(std::int32_t x) { return _mm_set1_epi32(x); }
static inline F32 to_float(I32 x) { return _mm_cvtepi32_ps(x); }
static inline I32 to_i32(F32 x) { return _mm_cvtps_epi32(x); }  // to nearest even
static inline I32 max_i32(I32 a, I32 b) { return _mm_max_epi32(a, b); }
static inline std::int32_t reduce_max_i32(I32 a) {
  const __m128i m = _mm_max_epi32(a, _mm_shuffle_epi32(a, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
}
// The bits of |x|: ordered as the magnitudes are, with NaN above everything.
static inline I32 magnitude_bits(F32 x) { return _mm_castps_si128(abs(x)); }
static inline I32 add_i32(I32 a, I32 b) { return _mm_add_epi32(a, b); }
static inline std::int32_t reduce_add_i32(I32 a) {
  const __m128i s = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
static inline void store_i8(std::int8_t* p, I32 x) {
  const __m128i half = _mm_packs_epi32(x, x);
  const std::int32_t bits = _mm_cvtsi128_si32(_mm_packs_epi16(half, half));
  std::memcpy(p, &bits, sizeof bits);
}

static inline void store_u8(std::uint8_t* p, U8 x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), x); }
static inline U8 load_u8(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
static inline U8 and_u8(U8 a, std::uint8_t mask) { return _mm_and_si128(a, _mm_set1_epi8(static_cast<char>(mask))); }
static inline U8 or_u8(U8 a, U8 b) { return _mm_or_si128(a, b); }
// Shifts of 16-bit lanes: mask afterwards.
template <int n>
static inline U8 shift_right(U8 a) {
  return _mm_srli_epi16(a, n);
}
template <int n>
static inline U8 shift_left(U8 a) {
  return _mm_slli_epi16(a, n);
}
// Byte table look-up: table[a] for a in 0..15.
static inline U8 table16(const std::uint8_t* table, U8 a) {
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)), a);
}

static inline I32 broadcast4(const std::int8_t* x) { return _mm_shuffle_epi32(load_4_bytes(x), 0); }

// Per lane: the sum over kGroups groups of 4 bytes of (w - kZero) * x, exact in int32.
// w[g]: unsigned kBits-bit weights, 4 consecutive k of one row per lane. x: 4 * kGroups activations in [-127, 127].
// neg_sum: minus the sum of those activations.
template <int kBits, int kZero, int kGroups>
static inline I32 dot(const U8* w, const std::int8_t* x, std::int32_t neg_sum) {
  const __m128i ones = _mm_set1_epi16(1);
  if constexpr (kBits == 8) {
    // |w| with w's sign moved to x, since u8 * s8 pairs of full range overflow int16.
    static_assert(kZero == 128);
    static_cast<void>(neg_sum);
    I32 sum = _mm_setzero_si128();
    for (int g = 0; g < kGroups; ++g) {
      const __m128i signed_w = _mm_xor_si128(w[g], _mm_set1_epi8(static_cast<char>(0x80)));
      const __m128i sx = _mm_sign_epi8(broadcast4(x + 4 * g), signed_w);
      sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_maddubs_epi16(_mm_abs_epi8(signed_w), sx), ones));
    }
    return sum;
  } else {
    // A pair of kBits-bit weights reaches (2^kBits - 1) * 254; this many fit int16.
    constexpr int kAdds = 32767 / (((1 << kBits) - 1) * 254);
    I32 sum = kZero ? _mm_set1_epi32(neg_sum * kZero) : _mm_setzero_si128();
    for (int g = 0; g < kGroups; g += kAdds) {
      __m128i part = _mm_maddubs_epi16(w[g], broadcast4(x + 4 * g));
      for (int i = g + 1; i < g + kAdds && i < kGroups; ++i)
        part = _mm_add_epi16(part, _mm_maddubs_epi16(w[i], broadcast4(x + 4 * i)));
      sum = _mm_add_epi32(sum, _mm_madd_epi16(part, ones));
    }
    return sum;
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA::simd
