#include "kernels/reference.h"
#include "kernels/rope/rope.h"

namespace llmagentos::reference {

void rope(float* x, std::size_t n, const float* cos, const float* sin, kernels::RopePairs pairs) {
  const std::size_t half = n / 2;
  const bool halves = pairs == kernels::RopePairs::halves;
  for (std::size_t i = 0; i < half; ++i) {
    float& a = x[halves ? i : 2 * i];
    float& b = x[halves ? i + half : 2 * i + 1];
    const float rotated = a * cos[i] - b * sin[i];
    b = a * sin[i] + b * cos[i];
    a = rotated;
  }
}

}  // namespace llmagentos::reference
