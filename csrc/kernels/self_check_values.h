// What the self-check feeds to kernels, and when two results agree.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace llmagentos::kernels {

// A small generator (xorshift32) is enough for test data.
class Random {
 public:
  std::uint32_t bits() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  float symmetric() { return static_cast<float>(bits() >> 8) / 8388608.0f - 1.0f; }
  std::vector<float> floats(std::size_t n) {
    std::vector<float> out(n);
    for (float& x : out) x = symmetric();
    return out;
  }

 private:
  std::uint32_t state_ = 0x9e3779b9u;
};

inline bool close(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  double worst = 0, largest = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(std::fabs(static_cast<double>(a[i]) - b[i]) < 1e30)) return false;
    worst = std::fmax(worst, std::fabs(static_cast<double>(a[i]) - b[i]));
    largest = std::fmax(largest, std::fabs(static_cast<double>(b[i])));
  }
  return worst <= tolerance * largest;
}

}  // namespace llmagentos::kernels
