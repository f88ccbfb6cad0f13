// DRY, "don't repeat yourself": a penalty on the tokens that would go on with a repetition (step 6 of sampler.h), as
// text-generation-webui and llama.cpp have it.
//
// Where the newest m >= dry_allowed_length tokens have been there before, one after the other, the token that followed
// them then gets
//     logit -= dry_multiplier * dry_base^(m - dry_allowed_length)
// with the longest such m of that token. Of the history, prompt_ids and output_ids, the newest dry_range tokens count.
// A repetition reaches back to the newest token of dry_breakers at most, and a token of dry_breakers is not penalised.
// The penalty is 1e30 at most, which no other setting outweighs and which leaves the logit finite.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/sampler.h"

namespace llmagentos::sampling {

struct DryScratch {
  std::vector<std::int32_t> newest;   // the history, newest first
  std::vector<std::int32_t> matches;  // Z-function of it
};

// `longest` has one element per token of the vocabulary, all zero before and after. Linear in the history's length.
void penalise_continuations(const SamplerRow& row, std::span<float> logits, std::span<std::int32_t> longest,
                            DryScratch& scratch);

}  // namespace llmagentos::sampling
