// 256-bit vectors: 8 lanes; AVX2, FMA and F16C. Also the `avxvnni` row of the ISA table, where dot() is one instruction
// per 32 products.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace llmagentos::LLMAGENTOS_ISA::simd {

inline constexpr int kLanes = 8;
inline constexpr int kMaxTile = 4;    // tokens a matmul tile holds in registers
inline constexpr int kFloatTile = 6;  // the same for float weights, whose tiles span a whole row group

using F32 = __m256;
using I32 = __m256i;
using U8 = __m256i;

static inline F32 zero() { return _mm256_setzero_ps(); }
static inline F32 set1(float x) { return _mm256_set1_ps(x); }
static inline F32 load(const float* p) { return _mm256_loadu_ps(p); }
static inline void store(float* p, F32 x) { _mm256_storeu_ps(p, x); }
static inline F32 load_half(const std::uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
static inline void store_half(std::uint16_t* p, F32 x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
static inline F32 load_bfloat16(const std::uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
static inline F32 load_u8_as_float(const std::uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
static inline F32 load_i8_as_float(const std::int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
static inline F32 add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
static inline F32 sub(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
static inline F32 mul(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
static inline F32 div(F32 a, F32 b) { return _mm256_div_ps(a, b); }
static inline F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
static inline F32 max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
static inline F32 min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
static inline F32 abs(F32 a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline float reduce_max(F32 a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
static inline float reduce_add(F32 a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
// 0 where x < bound, else value (so also where x is NaN).
static inline F32 zero_below(F32 x, F32 bound, F32 value) {
  return _mm256_and_ps(_mm256_cmp_ps(x, bound, _CMP_NLT_UQ), value);
}
// 2^n for integral n in [-126, 127].
static inline F32 exp2_integral(F32 n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
static inline F32 round(F32 x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline I32 set1_i32(std::int32_t x) { return _mm256_set1_epi32(x); }
static inline F32 to_float(I32 x) { return _mm256_cvtepi32_ps(x); }
static inline I32 to_i32(F32 x) { return _mm256_cvtps_epi32(x); }  // to nearest even
static inline I32 max_i32(I32 a, I32 b) { return _mm256_max_epi32(a, b); }
static inline std::int32_t reduce_max_i32(I32 a) {
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
}
// The bits of |x|: ordered as the magnitudes are, with NaN above everything.
static inline I32 magnitude_bits(F32 x) { return _mm256_castps_si256(abs(x)); }
static inline I32 add_i32(I32 a, I32 b) { return _mm256_add_epi32(a, b); }
static inline std::int32_t reduce_add_i32(I32 a) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
static inline void store_i8(std::int8_t* p, I32 x) {
  const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(half, half));
}

static inline void store_u8(std::uint8_t* p, U8 x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
static inline U8 load_u8(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
static inline U8 and_u8(U8 a, std::uint8_t mask) {
  return _mm256_and_si256(a, _mm256_set1_epi8(static_cast<char>(mask)));
}
static inline U8 or_u8(U8 a, U8 b) { return _mm256_or_si256(a, b); }
// Shifts of 16-bit lanes: mask afterwards.
template <int n>
static inline U8 shift_right(U8 a) {
  return _mm256_srli_epi16(a, n);
}
template <int n>
static inline U8 shift_left(U8 a) {
  return _mm256_slli_epi16(a, n);
}
// Byte table look-up: table[a] for a in 0..15.
static inline U8 table16(const std::uint8_t* table, U8 a) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), a);
}

static inline I32 broadcast4(const std::int8_t* x) {
  std::int32_t bits;
  std::memcpy(&bits, x, sizeof bits);
  return _mm256_set1_epi32(bits);
}

// Per lane: the sum over kGroups groups of 4 bytes of (w - kZero) * x, exact in int32.
// w[g]: unsigned kBits-bit weights, 4 consecutive k of one row per lane. x: 4 * kGroups activations in [-127, 127].
// neg_sum: minus the sum of those activations.
template <int kBits, int kZero, int kGroups>
static inline I32 dot(const U8* w, const std::int8_t* x, std::int32_t neg_sum) {
#ifdef __AVXVNNI__
  I32 sum = kZero ? _mm256_set1_epi32(neg_sum * kZero) : _mm256_setzero_si256();
  for (int g = 0; g < kGroups; ++g) sum = _mm256_dpbusd_avx_epi32(sum, w[g], broadcast4(x + 4 * g));
  return sum;
#else
  const __m256i ones = _mm256_set1_epi16(1);
  if constexpr (kBits == 8) {
    // |w| with w's sign moved to x, since u8 * s8 pairs of full range overflow int16.
    static_assert(kZero == 128);
    static_cast<void>(neg_sum);
    I32 sum = _mm256_setzero_si256();
    for (int g = 0; g < kGroups; ++g) {
      const __m256i signed_w = _mm256_xor_si256(w[g], _mm256_set1_epi8(static_cast<char>(0x80)));
      const __m256i sx = _mm256_sign_epi8(broadcast4(x + 4 * g), signed_w);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(signed_w), sx), ones));
    }
    return sum;
  } else {
    // A pair of kBits-bit weights reaches (2^kBits - 1) * 254; this many fit int16.
    constexpr int kAdds = 32767 / (((1 << kBits) - 1) * 254);
    I32 sum = kZero ? _mm256_set1_epi32(neg_sum * kZero) : _mm256_setzero_si256();
    for (int g = 0; g < kGroups; g += kAdds) {
      __m256i part = _mm256_maddubs_epi16(w[g], broadcast4(x + 4 * g));
      for (int i = g + 1; i < g + kAdds && i < kGroups; ++i)
        part = _mm256_add_epi16(part, _mm256_maddubs_epi16(w[i], broadcast4(x + 4 * i)));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(part, ones));
    }
    return sum;
  }
#endif
}

}  // namespace llmagentos::LLMAGENTOS_ISA::simd
