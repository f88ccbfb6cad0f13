#include "runtime/sampler_ngrams.h"

#include <algorithm>
#include <cstddef>

namespace llmagentos::sampling {

void find_repeats(const SamplerRow& row, NgramScratch& scratch) {
  std::vector<std::int32_t>& history = scratch.history;
  history.assign(row.prompt_ids.begin(), row.prompt_ids.end());
  history.insert(history.end(), row.output_ids.begin(), row.output_ids.end());
  scratch.repeats.clear();
  if (static_cast<std::uint64_t>(row.no_repeat_ngram_size) > history.size()) return;
  const std::size_t n_before = static_cast<std::size_t>(row.no_repeat_ngram_size) - 1;
  const std::size_t newest = history.size() - n_before;
  for (std::size_t at = 0; at < newest; ++at) {
    const auto begin = history.begin() + static_cast<std::ptrdiff_t>(at);
    const bool same = std::equal(begin, begin + static_cast<std::ptrdiff_t>(n_before),
                                 history.begin() + static_cast<std::ptrdiff_t>(newest));
    if (same) scratch.repeats.push_back(history[at + n_before]);
  }
}

}  // namespace llmagentos::sampling
