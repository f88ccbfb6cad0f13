#include "runtime/sampler_candidates.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "runtime/sampler_mass.h"

namespace llmagentos::sampling {
namespace {

constexpr float kLowest = std::numeric_limits<float>::lowest();

// A logit that all those reach whose scaled logit reaches `cutoff`. For cut-offs that only narrow the search: it is
// lower than need be by a hundredth of the exponent's unit, to stay clear of rounding.
float least_logit(double cutoff, const Softmax& softmax) {
  constexpr double kMargin = 0.01;
  const double least =
      static_cast<double>(softmax.top) + (cutoff - kMargin) / static_cast<double>(softmax.inverse_temperature);
  return least <= static_cast<double>(kLowest) ? kLowest : std::nextafter(static_cast<float>(least), kLowest);
}

bool more_probable(const Candidate& a, const Candidate& b) {
  return a.scaled != b.scaled ? a.scaled > b.scaled : a.id < b.id;
}

// The logits of a block that reach `least`, moved to the front of `found` with their places in the block; how many.
// Without branches, for which logit is large cannot be predicted.
std::size_t gather(const float* values, float least, float* found, std::uint8_t* places) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    found[n] = values[i];
    places[n] = static_cast<std::uint8_t>(i);
    n += values[i] >= least ? 1 : 0;
  }
  return n;
}

// All tokens that are possible and whose logit reaches `least`.
void collect(const LogitRow& logits, const Maxima& maxima, const Softmax& softmax, float least,
             std::vector<Candidate>& candidates) {
  candidates.clear();
  least = std::max(least, kLowest);  // -infinity is never collected
  float buffer[kBlock];
  float found[kBlock];
  std::uint8_t places[kBlock];
  WeighedBlock weighed;
  for (std::size_t block = 0; block < maxima.blocks.size(); ++block) {
    if (maxima.blocks[block] < least) continue;
    const std::size_t n = gather(block_values(logits, block, buffer), least, found, places);
    weigh({found, n}, softmax, weighed.scaled, weighed.weight);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t id = block * kBlock + places[i];
      candidates.push_back({static_cast<std::int32_t>(id), weighed.scaled[i], weighed.weight[i]});
    }
  }
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

void keep_top_p(double target, std::vector<Candidate>& candidates) {
  // The most probable is kept even where the target is 0, and it is in the first bin.
  keep_mass(target, candidates, [](const Candidate& candidate) { return -candidate.scaled; }, more_probable);
}

// A candidate's surprise differs from the entropy as its `scaled` does from the mean of that over the distribution:
// with Z the sum of weights, -log p = log Z - scaled, and the entropy is log Z - mean.
void keep_typical(double target, float mean, std::vector<Candidate>& candidates) {
  const auto distance = [mean](const Candidate& candidate) { return std::fabs(candidate.scaled - mean); };
  const auto nearer = [&](const Candidate& a, const Candidate& b) { return distance(a) < distance(b); };
  keep_mass(std::max(target, std::numeric_limits<double>::min()), candidates, distance, nearer);
}

float mean_scaled(std::span<const Candidate> candidates, double total) {
  double moment = 0;
  for (const Candidate& candidate : candidates) {
    moment += static_cast<double>(candidate.weight) * static_cast<double>(candidate.scaled);
  }
  return static_cast<float>(moment / total);
}

// Of the whole row, where no other filter is on.
void select_typical(const LogitRow& logits, const Maxima& maxima, const Softmax& softmax, double typical_p,
                    std::vector<double>& block_sums, std::vector<Candidate>& candidates) {
  double moment = 0;
  const double total = sum_weights(logits, softmax, block_sums, &moment);
  const double mean = moment / total;
  // Tokens below twice the mean are farther from it than all others, the largest too, and the farther the less
  // probable; so those too rare to matter all come last.
  const double negligible = std::log((1 - typical_p) * total / static_cast<double>(logits.size()));
  collect(logits, maxima, softmax, least_logit(std::min(2 * mean, negligible), softmax), candidates);
  keep_typical(typical_p * total, static_cast<float>(mean), candidates);
}

}  // namespace

bool has_filters(const SamplerRow& row, std::size_t vocab) {
  return (row.top_k > 0 && static_cast<std::uint64_t>(row.top_k) < vocab) || row.top_p < 1 || row.min_p > 0 ||
         row.typical_p < 1;
}

void select_candidates(const LogitRow& logits, const Maxima& maxima, const Softmax& softmax, const SamplerRow& row,
                       std::vector<double>& block_sums, std::vector<Candidate>& candidates) {
  double total = 0;
  if (row.top_k > 0 && static_cast<std::uint64_t>(row.top_k) < logits.size()) {
    const auto k = static_cast<std::size_t>(row.top_k);
    collect(logits, maxima, softmax, kth_largest_bound(maxima, k), candidates);
    keep_top_k(k, candidates);
    total = total_weight(candidates);
  } else if (row.top_p < 1) {
    total = sum_weights(logits, softmax, block_sums);
    // All tokens below this weight together weigh less than what top_p leaves out, so the rest holds the answer.
    const double negligible = (1 - static_cast<double>(row.top_p)) * total / static_cast<double>(logits.size());
    // The largest weighs 1 and is never left out, whatever the cut-off's rounding.
    collect(logits, maxima, softmax, least_logit(std::min(0.0, std::log(negligible)), softmax), candidates);
  } else if (row.min_p > 0) {
    collect(logits, maxima, softmax, least_logit(std::log(static_cast<double>(row.min_p)), softmax), candidates);
  } else {
    select_typical(logits, maxima, softmax, static_cast<double>(row.typical_p), block_sums, candidates);
    return;
  }
  if (row.top_p < 1) keep_top_p(static_cast<double>(row.top_p) * total, candidates);
  if (row.min_p > 0) {
    // The largest weight is 1, so min_p times it is min_p.
    std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.weight < row.min_p; });
  }
  if (row.typical_p < 1) {
    const double left = total_weight(candidates);
    keep_typical(static_cast<double>(row.typical_p) * left, mean_scaled(candidates, left), candidates);
  }
}

std::vector<std::pair<std::int32_t, float>> largest_logits(const LogitRow& logits, const Maxima& maxima,
                                                           std::size_t n) {
  std::vector<std::pair<std::int32_t, float>> found;
  if (n == 0) return found;
  const float bound = std::max(kth_largest_bound(maxima, n), kLowest);
  float buffer[kBlock];
  for (std::size_t block = 0; block < maxima.blocks.size(); ++block) {
    if (maxima.blocks[block] < bound) continue;
    const float* const values = block_values(logits, block, buffer);
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (values[i] >= bound) found.emplace_back(static_cast<std::int32_t>(block * kBlock + i), values[i]);
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
