#include <math.h>

#include "kernels/norm/layer_norm.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace simd;

namespace {

// The sum of f over the whole vectors of x; four sums side by side hide the latency.
template <class F>
inline float sum_of(const float* x, std::size_t n, F f) {
  F32 sums[4] = {zero(), zero(), zero(), zero()};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int j = 0; j < 4; ++j) sums[j] = f(load(x + i + static_cast<std::size_t>(j * kLanes)), sums[j]);
  for (; i + kLanes <= n; i += kLanes) sums[0] = f(load(x + i), sums[0]);
  return reduce_add(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

}  // namespace

void layer_norm(const float* x, const float* weight, const float* bias, std::size_t n, float eps, float* out) {
  const std::size_t whole = n / kLanes * kLanes;
  float sum = sum_of(x, n, [](F32 v, F32 so_far) { return add(v, so_far); });
  for (std::size_t i = whole; i < n; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(n);

  // The variance about the mean itself: nothing is lost where the mean is large.
  float squares = sum_of(x, n, [mean](F32 v, F32 so_far) {
    const F32 d = sub(v, set1(mean));
    return fma(d, d, so_far);
  });
  for (std::size_t i = whole; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / sqrtf(squares / static_cast<float>(n) + eps);

  for (std::size_t i = 0; i < whole; i += kLanes) {
    const F32 normed = mul(sub(load(x + i), set1(mean)), set1(scale));
    store(out + i, fma(normed, load(weight + i), bias ? load(bias + i) : zero()));
  }
  for (std::size_t i = whole; i < n; ++i) out[i] = (x[i] - mean) * scale * weight[i] + (bias ? bias[i] : 0.0f);
}

}  // namespace llmagentos::LLMAGENTOS_ISA
