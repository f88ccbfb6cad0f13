// Plain loops over the flags of each ISA: the compiler vectorises both, and the op is a thousandth of a step.
#include "kernels/rope/rope.h"

namespace llmagentos::LLMAGENTOS_ISA {

void rope(float* x, std::size_t n, const float* cos, const float* sin, kernels::RopePairs pairs) {
  const std::size_t half = n / 2;
  if (pairs == kernels::RopePairs::halves) {
    float* a = x;
    float* b = x + half;
    for (std::size_t i = 0; i < half; ++i) {
      const float first = a[i], second = b[i];
      a[i] = first * cos[i] - second * sin[i];
      b[i] = first * sin[i] + second * cos[i];
    }
    return;
  }
  for (std::size_t i = 0; i < half; ++i) {
    const float first = x[2 * i], second = x[2 * i + 1];
    x[2 * i] = first * cos[i] - second * sin[i];
    x[2 * i + 1] = first * sin[i] + second * cos[i];
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
