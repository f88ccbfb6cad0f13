#include "kernels/rows/rows.h"

#include <algorithm>
#include <cmath>

namespace llmagentos::kernels {
namespace {

// The sum of f(x[i]) in double, as so many sums side by side: one alone would wait for each addition.
template <class F>
double sum_of(const float* x, std::size_t n, F f) {
  constexpr std::size_t kSums = 8;
  double sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (std::size_t s = 0; s < kSums; ++s) sums[s] += f(static_cast<double>(x[i + s]));
  for (; i < n; ++i) sums[i % kSums] += f(static_cast<double>(x[i]));
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

double mean_square(const float* x, std::size_t n) {
  return sum_of(x, n, [](double value) { return value * value; }) / static_cast<double>(n);
}

}  // namespace

void mix(const float* x, const float* coefficients, const float* constants, const float* base, int n_in, int n_out,
         std::size_t width, float* out) {
  for (int o = 0; o < n_out; ++o, out += width) {
    if (base)
      std::copy_n(base + static_cast<std::size_t>(o) * width, width, out);
    else
      std::fill_n(out, width, 0.0f);
    for (int p = 0; p < n_in; ++p) {
      const int at = o * n_in + p;
      const float factor = (coefficients ? coefficients[at] : 0.0f) + (constants ? constants[at] : 0.0f);
      if (!coefficients && factor == 0) continue;
      const float* part = x + static_cast<std::size_t>(p) * width;
      for (std::size_t i = 0; i < width; ++i) out[i] += factor * part[i];
    }
  }
}

void match_rms(const float* x, const float* like, std::size_t n, float least, float* out) {
  const double own = std::max(mean_square(x, n), static_cast<double>(least));
  const auto factor = static_cast<float>(std::sqrt(mean_square(like, n) / own));
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * factor;
}

void excess(const float* x, std::size_t n, float deviations, float* out) {
  const double mean = sum_of(x, n, [](double value) { return value; }) / static_cast<double>(n);
  const double variance =
      sum_of(x, n, [mean](double value) { return (value - mean) * (value - mean); }) / static_cast<double>(n);
  const auto bound = static_cast<float>(mean + deviations * std::sqrt(variance));
  // In this order a NaN gets through.
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] <= bound ? 0.0f : x[i] - bound;
}

}  // namespace llmagentos::kernels
