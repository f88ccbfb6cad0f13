// Root-mean-square normalisation (Zhang and Sennrich, 2019): y = x / sqrt(mean(x^2) + eps) * weight.
#pragma once

#include <cstddef>

namespace llmagentos::kernels {

// x[n], weight[n] -> out[n]; out may be x.
using RmsNorm = void(const float* x, const float* weight, std::size_t n, float eps, float* out);

}  // namespace llmagentos::kernels
