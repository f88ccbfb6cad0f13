// Element-wise ops: gated linear units (Shazeer, 2020) and soft caps.
#pragma once

#include <cstddef>

namespace llmagentos::kernels {

enum class ActivationKind { silu, gelu_tanh };

// out[i] = activation(gate[i]) * up[i]; out may be gate or up.
using Glu = void(const float* gate, const float* up, std::size_t n, ActivationKind kind, float* out);

// x[i] = cap * tanh(x[i] / cap), in place; cap > 0.
using Softcap = void(float* x, std::size_t n, float cap);

}  // namespace llmagentos::kernels
