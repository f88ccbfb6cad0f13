// Element-wise functions, alone and in gated linear units (Shazeer, 2020), and soft caps.
#pragma once

#include <cstddef>

namespace llmagentos::kernels {

enum class ActivationKind {
  silu,          // x * sigmoid(x)
  gelu,          // x * Phi(x), by the error function (Hendrycks and Gimpel, 2016)
  gelu_tanh,     // its approximation by a tanh
  gelu_sigmoid,  // its approximation x * sigmoid(1.702 x)
  relu,
  relu_squared,
  tanh,
  sigmoid,
};

// out[i] = activation(x[i]); out may be x.
using Activate = void(const float* x, std::size_t n, ActivationKind kind, float* out);

// out[i] = activation(gate[i]) * up[i]; out may be gate or up.
using Glu = void(const float* gate, const float* up, std::size_t n, ActivationKind kind, float* out);

// x[i] = cap * tanh(x[i] / cap), in place; cap > 0.
using Softcap = void(float* x, std::size_t n, float cap);

}  // namespace llmagentos::kernels
