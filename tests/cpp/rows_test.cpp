// Functions of single rows against plain loops in double.
#include "kernels/rows/rows.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "kernel_inputs.h"

using namespace llmagentos;

namespace {

bool is_close(double found, double expected) { return std::abs(found - expected) <= 1e-5 * (1 + std::abs(expected)); }

}  // namespace

TEST(a_mix_is_the_sum_of_all_parts) {
  constexpr int kIn = 3, kOut = 2;
  for (const std::size_t width : {1, 7, 33}) {
    const std::vector<float> x = normal(kIn * width, 1.0f), base = normal(kOut * width, 1.0f);
    const std::vector<float> coefficients = normal(kIn * kOut, 1.0f), constants = normal(kIn * kOut, 1.0f);
    std::vector<float> out(kOut * width);
    for (const int given : {1, 2, 3, 5, 6, 7}) {  // bits: coefficients, constants, base
      kernels::mix(x.data(), given & 1 ? coefficients.data() : nullptr, given & 2 ? constants.data() : nullptr,
                   given & 4 ? base.data() : nullptr, kIn, kOut, width, out.data());
      for (std::size_t o = 0; o < kOut; ++o)
        for (std::size_t i = 0; i < width; ++i) {
          double sum = given & 4 ? base[o * width + i] : 0;
          for (std::size_t p = 0; p < kIn; ++p) {
            const std::size_t at = o * kIn + p;
            const double factor = (given & 1 ? coefficients[at] : 0) + (given & 2 ? constants[at] : 0);
            sum += factor * x[p * width + i];
          }
          CHECK(is_close(out[o * width + i], sum));
        }
    }
  }
}

TEST(magnitudes_match) {
  for (const std::size_t n : {1, 8, 37}) {
    const std::vector<float> x = normal(n, 3.0f), like = normal(n, 0.5f);
    std::vector<float> out(n);
    kernels::match_rms(x.data(), like.data(), n, 1e-5f, out.data());
    double squares = 0, wanted = 0;
    for (std::size_t i = 0; i < n; ++i) {
      squares += static_cast<double>(out[i]) * out[i];
      wanted += static_cast<double>(like[i]) * like[i];
      CHECK(std::signbit(out[i]) == std::signbit(x[i]));
    }
    CHECK(is_close(squares, wanted));
  }
}

TEST(what_does_not_exceed_the_bound_is_zero) {
  for (const std::size_t n : {1, 8, 37, 1000}) {
    const std::vector<float> x = normal(n, 2.0f);
    double mean = 0, variance = 0;
    for (const float value : x) mean += value / static_cast<double>(n);
    for (const float value : x) variance += (value - mean) * (value - mean) / static_cast<double>(n);
    std::vector<float> out(n);
    for (const float deviations : {-1.0f, 0.0f, 1.5f}) {
      kernels::excess(x.data(), n, deviations, out.data());
      const double bound = mean + deviations * std::sqrt(variance);
      for (std::size_t i = 0; i < n; ++i) CHECK(is_close(out[i], x[i] > bound ? x[i] - bound : 0));
    }
  }
}

TEST(a_nan_gets_through) {
  const std::vector<float> x{1.0f, std::numeric_limits<float>::quiet_NaN(), 2.0f};
  std::vector<float> out(3);
  kernels::excess(x.data(), 3, 0.0f, out.data());
  CHECK(std::isnan(out[1]));
  kernels::match_rms(x.data(), x.data(), 3, 1e-5f, out.data());
  CHECK(std::isnan(out[1]));
}

TEST_MAIN
