#include "kernels/activation/activation.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using kernels::ActivationKind;
using namespace simd;

namespace {

// g * sigmoid(inner), where GELU's tanh form is a sigmoid of twice its argument.
template <ActivationKind kKind>
inline F32 activate(F32 g) {
  if constexpr (kKind == ActivationKind::silu) return mul(g, sigmoid(g));
  const F32 cubic = fma(mul(mul(g, g), g), set1(0.044715f), g);
  return mul(g, sigmoid(mul(cubic, set1(2 * 0.7978845608028654f))));
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

}  // namespace

void glu(const float* gate, const float* up, std::size_t n, ActivationKind kind, float* out) {
  if (kind == ActivationKind::silu)
    map_pairs(gate, up, n, out, [](F32 g, F32 u) { return mul(activate<ActivationKind::silu>(g), u); });
  else
    map_pairs(gate, up, n, out, [](F32 g, F32 u) { return mul(activate<ActivationKind::gelu_tanh>(g), u); });
}

void softcap(float* x, std::size_t n, float cap) {
  const F32 c = set1(cap), inverse = set1(1.0f / cap);
  map_pairs(x, x, n, x, [c, inverse](F32 v, F32) { return mul(c, tanh(mul(v, inverse))); });
}

}  // namespace llmagentos::LLMAGENTOS_ISA
