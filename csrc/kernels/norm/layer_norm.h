// Layer normalisation (Ba et al., 2016): y = (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias.
#pragma once

#include <cstddef>

namespace llmagentos::kernels {

// x[n], weight[n], bias[n] or null -> out[n]; out may be x.
using LayerNorm = void(const float* x, const float* weight, const float* bias, std::size_t n, float eps, float* out);

}  // namespace llmagentos::kernels
