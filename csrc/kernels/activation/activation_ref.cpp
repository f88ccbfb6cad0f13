#include <cmath>

#include "kernels/activation/activation.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

using kernels::ActivationKind;

namespace {

double activate(double x, ActivationKind kind) {
  switch (kind) {
    case ActivationKind::silu:
      return x / (1 + std::exp(-x));
    case ActivationKind::gelu:
      return 0.5 * x * std::erfc(-x * 0.7071067811865476);
    case ActivationKind::gelu_tanh:
      return x / (1 + std::exp(-2 * 0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ActivationKind::gelu_sigmoid:
      return x / (1 + std::exp(-1.702 * x));
    case ActivationKind::relu:
      return x < 0 ? 0 : x;
    case ActivationKind::relu_squared:
      return x < 0 ? 0 : x * x;
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return x;
}

}  // namespace

void activate(const float* x, std::size_t n, ActivationKind kind, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(activate(x[i], kind));
}

void glu(const float* gate, const float* up, std::size_t n, ActivationKind kind, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(activate(gate[i], kind) * up[i]);
}

void softcap(float* x, std::size_t n, float cap) {
  for (std::size_t i = 0; i < n; ++i) x[i] = cap * std::tanh(x[i] / cap);
}

}  // namespace llmagentos::reference
