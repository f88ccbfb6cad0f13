#include <cmath>

#include "kernels/norm/layer_norm.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

void layer_norm(const float* x, const float* weight, const float* bias, std::size_t n, float eps, float* out) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i];
  const double mean = sum / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + eps);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = static_cast<float>((x[i] - mean) * scale) * weight[i] + (bias ? bias[i] : 0.0f);
}

}  // namespace llmagentos::reference
