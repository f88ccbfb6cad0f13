// The tokens that top_k, top_p, min_p and typical_p leave (steps 9 to 12 of sampler.h), found without sorting the row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampler.h"
#include "runtime/sampler_scan.h"

namespace llmagentos::sampling {

struct Candidate {
  std::int32_t id;
  float scaled;  // (logit - top) / temperature
  float weight;  // exp(scaled)
};

// Whether any of the filters can remove a token.
bool has_filters(const SamplerRow& row, std::size_t vocab);

// Fills `candidates` in ascending order of id; at least one, and one at least with a weight. `maxima` and `softmax` are
// those of `logits`; `block_sums` is scratch.
void select_candidates(const LogitRow& logits, const Maxima& maxima, const Softmax& softmax, const SamplerRow& row,
                       std::vector<double>& block_sums, std::vector<Candidate>& candidates);

// The n largest finite logits (fewer where there are fewer) with their ids: largest first, lower id first of equals.
std::vector<std::pair<std::int32_t, float>> largest_logits(const LogitRow& logits, const Maxima& maxima, std::size_t n);

}  // namespace llmagentos::sampling
