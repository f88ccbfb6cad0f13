// no_repeat_ngram_size: no n tokens follow one another twice (part of step 7 of sampler.h), as transformers and fairseq
// have it.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/sampler.h"

namespace llmagentos::sampling {

struct NgramScratch {
  std::vector<std::int32_t> history;  // prompt_ids and output_ids
  std::vector<std::int32_t> repeats;
};

// Fills scratch.repeats with each token that followed an earlier occurrence of the newest no_repeat_ngram_size - 1
// tokens; one may be there several times. With a size of 1 these are all tokens of the history.
void find_repeats(const SamplerRow& row, NgramScratch& scratch);

}  // namespace llmagentos::sampling
