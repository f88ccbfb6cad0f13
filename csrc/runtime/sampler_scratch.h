// What a thread keeps of the sampler's work from one row to the next, so that it allocates nothing for it.
#pragma once

#include <vector>

#include "runtime/sampler_candidates.h"
#include "runtime/sampler_logits.h"
#include "runtime/sampler_scan.h"

namespace llmagentos::sampling {

// A few times the vocabulary's size at most.
struct Scratch {
  AdjustScratch adjust;
  Maxima maxima;
  std::vector<double> block_sums;
  std::vector<Candidate> candidates;
  std::vector<float> log_probs;  // of a row whose continuations are searched
};

// The calling thread's.
inline Scratch& thread_scratch() {
  static thread_local Scratch scratch;
  return scratch;
}

}  // namespace llmagentos::sampling
