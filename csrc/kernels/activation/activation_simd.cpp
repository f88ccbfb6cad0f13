#include "kernels/activation/activation.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using kernels::ActivationKind;
using namespace simd;

namespace {

// Phi(x), the normal distribution's mass below x, to 1e-7: Abramowitz and Stegun 7.1.26 for the error function.
// Beyond |x| lies `tail`; so it is tail for a negative x, and otherwise tail + (1 - 2 tail).
inline F32 normal_cdf(F32 x) {
  const F32 z = mul(abs(x), set1(0.70710678118654752f));
  const F32 t = div(set1(1.0f), fma(z, set1(0.3275911f), set1(1.0f)));
  F32 p = set1(1.061405429f);
  p = fma(p, t, set1(-1.453152027f));
  p = fma(p, t, set1(1.421413741f));
  p = fma(p, t, set1(-0.284496736f));
  p = fma(p, t, set1(0.254829592f));
  const F32 tail = mul(mul(set1(0.5f), mul(p, t)), exp(sub(zero(), mul(z, z))));
  return add(tail, zero_below(x, zero(), sub(set1(1.0f), add(tail, tail))));
}

template <ActivationKind kKind>
inline F32 activate(F32 x) {
  if constexpr (kKind == ActivationKind::silu) return mul(x, sigmoid(x));
  if constexpr (kKind == ActivationKind::gelu) return mul(x, normal_cdf(x));
  if constexpr (kKind == ActivationKind::gelu_tanh) {
    // A sigmoid of twice the tanh's argument.
    const F32 cubic = fma(mul(mul(x, x), x), set1(0.044715f), x);
    return mul(x, sigmoid(mul(cubic, set1(2 * 0.7978845608028654f))));
  }
  if constexpr (kKind == ActivationKind::gelu_sigmoid) return mul(x, sigmoid(mul(x, set1(1.702f))));
  if constexpr (kKind == ActivationKind::relu) return max(zero(), x);  // in this order a NaN gets through
  if constexpr (kKind == ActivationKind::relu_squared) return mul(max(zero(), x), max(zero(), x));
  if constexpr (kKind == ActivationKind::tanh) return tanh(x);
  if constexpr (kKind == ActivationKind::sigmoid) return sigmoid(x);
}

// f on whole vectors, the tail through a padded copy.
template <class F>
inline void map_pairs(const float* a, const float* b, std::size_t n, float* out, F f) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, f(load(a + i), load(b + i)));
  if (i == n) return;
  float first[kLanes] = {}, second[kLanes] = {};
  for (std::size_t j = i; j < n; ++j) {
    first[j - i] = a[j];
    second[j - i] = b[j];
  }
  store(first, f(load(first), load(second)));
  for (std::size_t j = i; j < n; ++j) out[j] = first[j - i];
}

// Calls body.template operator()<kind>().
template <class Body>
inline void with_kind(ActivationKind kind, Body body) {
  switch (kind) {
    case ActivationKind::silu:
      return body.template operator()<ActivationKind::silu>();
    case ActivationKind::gelu:
      return body.template operator()<ActivationKind::gelu>();
    case ActivationKind::gelu_tanh:
      return body.template operator()<ActivationKind::gelu_tanh>();
    case ActivationKind::gelu_sigmoid:
      return body.template operator()<ActivationKind::gelu_sigmoid>();
    case ActivationKind::relu:
      return body.template operator()<ActivationKind::relu>();
    case ActivationKind::relu_squared:
      return body.template operator()<ActivationKind::relu_squared>();
    case ActivationKind::tanh:
      return body.template operator()<ActivationKind::tanh>();
    case ActivationKind::sigmoid:
      return body.template operator()<ActivationKind::sigmoid>();
  }
}

}  // namespace

void activate(const float* x, std::size_t n, ActivationKind kind, float* out) {
  with_kind(kind,
            [&]<ActivationKind kKind>() { map_pairs(x, x, n, out, [](F32 v, F32) { return activate<kKind>(v); }); });
}

void glu(const float* gate, const float* up, std::size_t n, ActivationKind kind, float* out) {
  with_kind(kind, [&]<ActivationKind kKind>() {
    map_pairs(gate, up, n, out, [](F32 g, F32 u) { return mul(activate<kKind>(g), u); });
  });
}

void softcap(float* x, std::size_t n, float cap) {
  const F32 c = set1(cap), inverse = set1(1.0f / cap);
  map_pairs(x, x, n, x, [c, inverse](F32 v, F32) { return mul(c, tanh(mul(v, inverse))); });
}

}  // namespace llmagentos::LLMAGENTOS_ISA
