// The vector wrapper of the ISA this file is being compiled for (LLMAGENTOS_ISA names its namespace), and the
// functions built on it. Everything here has internal linkage: see base/half.h.
#pragma once

#if defined(LLMAGENTOS_MODEL)
#include "kernels/simd/model.h"
#elif defined(LLMAGENTOS_ISA_avx512) || defined(LLMAGENTOS_ISA_avx512vnni)
#include "kernels/simd/avx512.h"
#elif defined(LLMAGENTOS_ISA_avx2) || defined(LLMAGENTOS_ISA_avxvnni)
#include "kernels/simd/avx2.h"
#elif defined(LLMAGENTOS_ISA_sse4)
#include "kernels/simd/sse4.h"
#elif defined(LLMAGENTOS_ISA_neon) || defined(LLMAGENTOS_ISA_neondot)
#include "kernels/simd/neon.h"
#else
#error "compile kernel files through the ISA table of CMakeLists.txt"
#endif

// Unrolls the loop that follows, so that arrays of vectors indexed by it live in registers.
#if defined(LLMAGENTOS_MODEL)
#define LLMAGENTOS_UNROLL
#elif defined(__clang__)
#define LLMAGENTOS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LLMAGENTOS_UNROLL _Pragma("GCC unroll 16")
#endif

// What only prefetches. GCC takes a function of nothing but prefetches to do nothing, and drops calls of it that are
// not inlined before it looks.
#define LLMAGENTOS_PREFETCHES [[gnu::always_inline]] inline

namespace llmagentos::LLMAGENTOS_ISA::simd {

// e^x to 2 units in the last place; 0 below -87.3, finite (about 2.4e38) above 88.3, NaN for NaN.
// Range reduction by ln 2 in two parts and the degree-6 polynomial of Cephes' expf.
static inline F32 exp(F32 x) {
  const F32 lowest = set1(-87.3365447f);
  // Operands in this order let a NaN through: min and max may return the second one when either is NaN.
  const F32 clamped = min(set1(88.3762626f), max(lowest, x));
  const F32 n = round(mul(clamped, set1(1.44269504088896341f)));
  F32 r = fma(n, set1(-0.693359375f), clamped);
  r = fma(n, set1(2.12194440e-4f), r);
  F32 p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  const F32 value = mul(add(fma(mul(r, r), p, r), set1(1.0f)), exp2_integral(min(n, set1(127.0f))));
  return zero_below(x, lowest, value);
}

static inline F32 sigmoid(F32 x) { return div(set1(1.0f), add(set1(1.0f), exp(sub(zero(), x)))); }

// tanh by the sigmoid: good to about 1e-7 absolute, which is what its uses here (softcap, GELU) need.
static inline F32 tanh(F32 x) { return sub(mul(set1(2.0f), sigmoid(add(x, x))), set1(1.0f)); }

}  // namespace llmagentos::LLMAGENTOS_ISA::simd
