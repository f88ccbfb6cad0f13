#include "runtime/run.h"

#include <algorithm>

#include "kernels/matmul/matmul.h"

namespace llmagentos::runtime {

Run::Run(const graph::Plan& plan, std::int64_t max_tokens, std::int64_t input_width)
    : max_tokens(max_tokens), counters(std::max(plan.steps.size(), plan.encoder_steps.size()) * kCountersPerStep) {
  const auto rows = static_cast<std::size_t>(max_tokens);
  const auto widest = static_cast<std::size_t>(input_width);
  arena = AlignedBuffer(rows * static_cast<std::size_t>(plan.arena_width) * sizeof(float));
  normed = AlignedBuffer(rows * widest * sizeof(float));
  panels = AlignedBuffer(rows * widest * sizeof(float));
  quants = AlignedBuffer(rows * widest);
  meta = AlignedBuffer(rows * (widest / kernels::kBlock) * sizeof(kernels::BlockMeta));
  for (const graph::RopeParams& rope : plan.ropes) {
    cosines.emplace_back(rows * rope.inverse_frequencies.size());
    sines.emplace_back(rows * rope.inverse_frequencies.size());
  }
}

void Run::begin(const graph::Plan& plan, const RaggedBatch& given, bool owned) {
  batch = given;
  if (owned) {
    std::span<const std::int32_t>* const parts[] = {
        &batch.token_ids,   &batch.positions, &batch.sequence_starts,    &batch.block_tables, &batch.logit_rows,
        &batch.token_types, &batch.adapters,  &batch.cross_block_tables, &batch.cross_lengths};
    std::size_t total = 0;
    for (const auto* part : parts) total += part->size();
    owned_.clear();
    owned_.reserve(total);
    for (auto* part : parts) {
      const auto at = owned_.insert(owned_.end(), part->begin(), part->end());
      *part = {owned_.data() + (at - owned_.begin()), part->size()};
    }
  }
  sequence_of.resize(static_cast<std::size_t>(batch.n_tokens()));
  for (std::int64_t s = 0; s < batch.n_sequences(); ++s)
    std::fill(sequence_of.begin() + batch.sequence_starts[static_cast<std::size_t>(s)],
              sequence_of.begin() + batch.sequence_starts[static_cast<std::size_t>(s + 1)],
              static_cast<std::int32_t>(s));
  steps = batch.is_encoder ? &plan.encoder_steps : &plan.steps;
  next_step = 0;
  for (Counter& counter : counters) {
    counter.next.store(0, std::memory_order_relaxed);
    counter.has_rest.store(false, std::memory_order_relaxed);
  }
}

bool Run::is_paused_in(std::size_t step) const {
  if (!deadline) return false;
  const Counter* const own = &counters[step * kCountersPerStep];
  return std::any_of(own, own + kCountersPerStep,
                     [](const Counter& counter) { return counter.has_rest.load(std::memory_order_relaxed); });
}

}  // namespace llmagentos::runtime
