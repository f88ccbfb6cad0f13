#include <cmath>

#include "kernels/activation/activation.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

using kernels::ActivationKind;

void glu(const float* gate, const float* up, std::size_t n, ActivationKind kind, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const double g = gate[i];
    const double inner = kind == ActivationKind::silu ? g : 2 * 0.7978845608028654 * (g + 0.044715 * g * g * g);
    out[i] = static_cast<float>(g / (1 + std::exp(-inner)) * up[i]);
  }
}

void softcap(float* x, std::size_t n, float cap) {
  for (std::size_t i = 0; i < n; ++i) x[i] = cap * std::tanh(x[i] / cap);
}

}  // namespace llmagentos::reference
