// Which candidates are kept when they are taken in some order until their weights reach a target.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "runtime/sampler_candidates.h"

namespace llmagentos::sampling {

inline double total_weight(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += static_cast<double>(candidate.weight);
  return total;
}

// Keeps the candidates that come first until their weights reach `target` > 0. The one that reaches it stays, and so do
// those that do not come after it. `key` is finite, at least 0 and smaller for those that come first; `precedes` is an
// order that agrees with it, and may break its ties.
//
// Linear in their number: a histogram of weight over the key finds the bin where the target is reached, bisection by
// rank finds the candidate in that bin.
template <class Key, class Precedes>
void keep_mass(double target, std::vector<Candidate>& candidates, Key key, Precedes precedes) {
  constexpr int kBins = 1024;
  float greatest = 0;
  for (const Candidate& candidate : candidates) greatest = std::max(greatest, key(candidate));
  const float bins_per_unit = greatest > 0 ? (kBins - 1) / greatest : 0.0f;
  // Non-decreasing in the key. The bound holds where the product rounds up or overflows.
  const auto bin_of = [=](const Candidate& candidate) {
    return static_cast<int>(std::min(static_cast<float>(kBins - 1), key(candidate) * bins_per_unit));
  };
  std::array<double, kBins> weights{};
  for (const Candidate& candidate : candidates) {
    weights[static_cast<std::size_t>(bin_of(candidate))] += static_cast<double>(candidate.weight);
  }
  double mass = 0;
  std::size_t bin = 0;
  while (bin + 1 < kBins && mass + weights[bin] < target) mass += weights[bin++];
  std::vector<Candidate> ranked;
  for (const Candidate& candidate : candidates) {
    if (bin_of(candidate) == static_cast<int>(bin)) ranked.push_back(candidate);
  }
  // Rounding left the sum of everything just short of the target.
  if (ranked.empty()) return;

  auto first = ranked.begin();
  auto last = ranked.end();
  while (last - first > 32) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, precedes);
    const double half = total_weight({first, middle});
    if (mass + half >= target) {
      last = middle;
    } else {
      mass += half;
      first = middle;
    }
  }
  std::sort(first, last, precedes);
  // Rounding may leave the sum short here too: the last of the range then is the one that reaches the target.
  while (first + 1 != last && mass + static_cast<double>(first->weight) < target) {
    mass += static_cast<double>(first->weight);
    ++first;
  }
  const Candidate boundary = *first;
  std::erase_if(candidates, [&](const Candidate& candidate) { return precedes(boundary, candidate); });
}

}  // namespace llmagentos::sampling
