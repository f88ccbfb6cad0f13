#include <cmath>

#include "kernels/norm/rms_norm.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

void rms_norm(const float* x, const float* weight, std::size_t n, float eps, float* out) {
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * x[i];
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(n) + eps));
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

}  // namespace llmagentos::reference
