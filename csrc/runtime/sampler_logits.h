// What a row's settings do to its logits before a token is chosen: mask, bias, penalties, the least length and
// repeated n-grams (steps 2 to 7 of sampler.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampler.h"
#include "runtime/sampler_dry.h"
#include "runtime/sampler_ngrams.h"
#include "runtime/sampler_scan.h"

namespace llmagentos::sampling {

// Throws InvalidArgument, naming the setting and its value, unless every setting is in the domain sampler.h gives it.
void check_row(const SamplerRow& row, std::size_t vocab);

struct AdjustScratch {
  std::vector<float> logits;
  std::vector<std::int32_t> occurrences;  // one per token of the vocabulary, all zero between calls
  std::vector<std::int32_t> forbidden;    // beyond the mask
  DryScratch dry;
  NgramScratch ngrams;
};

// The row's logits as its settings have them. The values are `logits` themselves where the mask alone changes them,
// else a copy in `scratch`. The row must have passed check_row.
LogitRow adjusted_logits(std::span<const float> logits, const SamplerRow& row, AdjustScratch& scratch);

}  // namespace llmagentos::sampling
