// What a row's settings do to its logits before a token is chosen: bias and penalties (steps 2 to 4 of sampler.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampler.h"

namespace llmagentos::sampling {

// Throws InvalidArgument, naming the setting and its value, unless every setting is in the domain sampler.h gives it.
void check_row(const SamplerRow& row, std::size_t vocab);

struct AdjustScratch {
  std::vector<float> logits;
  std::vector<std::int32_t> occurrences;  // one per token of the vocabulary, all zero between calls
};

// The row's logits with bias and penalties: `logits` itself where none is set, else a copy in `scratch`. The row must
// have passed check_row.
std::span<const float> adjusted_logits(std::span<const float> logits, const SamplerRow& row, AdjustScratch& scratch);

}  // namespace llmagentos::sampling
