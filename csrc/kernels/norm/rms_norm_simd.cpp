#include <math.h>

#include "kernels/norm/rms_norm.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace simd;

void rms_norm(const float* x, const float* weight, std::size_t n, float eps, float* out) {
  // Four sums side by side hide the multiply-add's latency.
  F32 sums[4] = {zero(), zero(), zero(), zero()};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int j = 0; j < 4; ++j) {
      const F32 v = load(x + i + static_cast<std::size_t>(j * kLanes));
      sums[j] = fma(v, v, sums[j]);
    }
  for (; i + kLanes <= n; i += kLanes) {
    const F32 v = load(x + i);
    sums[0] = fma(v, v, sums[0]);
  }
  float squares = reduce_add(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
  for (; i < n; ++i) squares += x[i] * x[i];

  const float scale = 1.0f / sqrtf(squares / static_cast<float>(n) + eps);
  for (i = 0; i + kLanes <= n; i += kLanes) store(out + i, mul(mul(load(x + i), set1(scale)), load(weight + i)));
  for (; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

}  // namespace llmagentos::LLMAGENTOS_ISA
