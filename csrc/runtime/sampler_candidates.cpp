#include "runtime/sampler_candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace llmagentos::sampling {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Cut-offs that only narrow the search are lowered by this, in units of the exponent, to stay clear of rounding.
constexpr double kMargin = 0.01;

bool more_probable(const Candidate& a, const Candidate& b) {
  return a.scaled != b.scaled ? a.scaled > b.scaled : a.id < b.id;
}

// All tokens that are possible and whose scaled logit reaches `cutoff`.
void collect(std::span<const float> logits, const Maxima& maxima, const Softmax& softmax, float cutoff,
             std::vector<Candidate>& candidates) {
  candidates.clear();
  const float least = std::max(cutoff, std::numeric_limits<float>::lowest());  // -infinity is never collected
  WeighedBlock weighed;
  for (std::size_t block = 0; block < maxima.blocks.size(); ++block) {
    if (softmax.scaled(maxima.blocks[block]) < least) continue;
    weigh_block(logits, block, softmax, weighed);
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (weighed.scaled[i] < least) continue;
      candidates.push_back({static_cast<std::int32_t>(block * kBlock + i), weighed.scaled[i], weighed.weight[i]});
    }
  }
}

double total_weight(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += static_cast<double>(candidate.weight);
  return total;
}

void keep_top_k(std::size_t k, std::vector<Candidate>& candidates) {
  if (candidates.size() <= k) return;
  std::vector<float> scaled;
  scaled.reserve(candidates.size());
  for (const Candidate& candidate : candidates) scaled.push_back(candidate.scaled);
  const auto kth = scaled.begin() + static_cast<std::ptrdiff_t>(k) - 1;
  std::nth_element(scaled.begin(), kth, scaled.end(), std::greater<>());
  const float least = *kth;
  std::erase_if(candidates, [least](const Candidate& candidate) { return candidate.scaled < least; });
}

// Keeps the most probable candidates until their weights reach `target`; the one that reaches it stays. Linear in
// their number: a histogram of weight over the scaled logit finds the bin where the target is reached, bisection by
// rank finds the candidate in that bin.
void keep_top_p(double target, std::vector<Candidate>& candidates) {
  constexpr int kBins = 1024;
  float least = 0;
  for (const Candidate& candidate : candidates) least = std::min(least, candidate.scaled);
  const float bins_per_unit = least < 0 ? (kBins - 1) / -least : 0.0f;
  // Non-decreasing as the candidate gets less probable. The bound holds where the product rounds up or overflows.
  const auto bin_of = [=](const Candidate& candidate) {
    return static_cast<int>(std::min(static_cast<float>(kBins - 1), -candidate.scaled * bins_per_unit));
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
    std::nth_element(first, middle, last, more_probable);
    const double half = total_weight({first, middle});
    if (mass + half >= target) {
      last = middle;
    } else {
      mass += half;
      first = middle;
    }
  }
  std::sort(first, last, more_probable);
  // Rounding may leave the sum short here too: the last of the range then is the one that reaches the target.
  while (first + 1 != last && mass + static_cast<double>(first->weight) < target) {
    mass += static_cast<double>(first->weight);
    ++first;
  }
  const Candidate boundary = *first;
  std::erase_if(candidates, [&](const Candidate& candidate) { return more_probable(boundary, candidate); });
}

}  // namespace

bool has_filters(const SamplerRow& row, std::size_t vocab) {
  return (row.top_k > 0 && static_cast<std::uint64_t>(row.top_k) < vocab) || row.top_p < 1 || row.min_p > 0;
}

void select_candidates(std::span<const float> logits, const Maxima& maxima, const Softmax& softmax,
                       const SamplerRow& row, std::vector<double>& block_sums, std::vector<Candidate>& candidates) {
  double total = 0;
  if (row.top_k > 0 && static_cast<std::uint64_t>(row.top_k) < logits.size()) {
    const auto k = static_cast<std::size_t>(row.top_k);
    collect(logits, maxima, softmax, softmax.scaled(kth_largest_bound(maxima, k)), candidates);
    keep_top_k(k, candidates);
    total = total_weight(candidates);
  } else if (row.top_p < 1) {
    total = sum_weights(logits, softmax, block_sums);
    // All tokens below this weight together weigh less than what top_p leaves out, so the rest holds the answer.
    const double negligible = (1 - static_cast<double>(row.top_p)) * total / static_cast<double>(logits.size());
    // The largest weighs 1 and is never left out, whatever the cut-off's rounding.
    const double cutoff = std::min(0.0, std::log(negligible)) - kMargin;
    collect(logits, maxima, softmax, static_cast<float>(cutoff), candidates);
  } else {
    const double cutoff = std::log(static_cast<double>(row.min_p)) - kMargin;
    collect(logits, maxima, softmax, static_cast<float>(cutoff), candidates);
  }
  if (row.top_p < 1) keep_top_p(static_cast<double>(row.top_p) * total, candidates);
  if (row.min_p > 0) {
    // The largest weight is 1, so min_p times it is min_p.
    std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.weight < row.min_p; });
  }
}

std::vector<std::pair<std::int32_t, float>> largest_logits(std::span<const float> logits, const Maxima& maxima,
                                                           std::size_t n) {
  std::vector<std::pair<std::int32_t, float>> found;
  if (n == 0) return found;
  const float bound = kth_largest_bound(maxima, n);
  for (std::size_t block = 0; block < maxima.blocks.size(); ++block) {
    if (maxima.blocks[block] < bound) continue;
    const std::size_t end = std::min((block + 1) * kBlock, logits.size());
    for (std::size_t id = block * kBlock; id < end; ++id) {
      if (logits[id] < bound || logits[id] == -kInfinity) continue;
      found.emplace_back(static_cast<std::int32_t>(id), logits[id]);
    }
  }
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(n, found.size()));
  std::partial_sort(found.begin(), end, found.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  found.erase(end, found.end());
  return found;
}

}  // namespace llmagentos::sampling
