#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"
#include "runtime/sampler.h"
#include "runtime/sampler_candidates.h"
#include "runtime/sampler_logits.h"
#include "runtime/sampler_rows.h"
#include "runtime/sampler_scratch.h"

namespace llmagentos {
namespace {

Continuations continue_row(std::span<const float> logits, const SamplerRow& row, std::size_t n) {
  sampling::Scratch& scratch = sampling::thread_scratch();
  const sampling::LogitRow raw{logits, std::nullopt};
  const sampling::LogSoftmax log_softmax(raw, scratch.maxima, scratch.block_sums);
  Continuations result;
  if (row.logprobs) {
    result.top = most_probable(raw, scratch.maxima, log_softmax, static_cast<std::size_t>(*row.logprobs));
  }
  // All steps but this penalty do the same to a logit as to its log probability, and are spared a pass over the row.
  const bool shifts = row.penalises_repetition();
  if (shifts) {
    // A finite logit stays finite: below the range of float32 it is unlikely, not forbidden.
    constexpr double kLowest = std::numeric_limits<float>::lowest();
    const auto log_prob = [&](float logit) {
      return std::isinf(logit) ? logit : static_cast<float>(std::max(kLowest, log_softmax(logit)));
    };
    scratch.log_probs.resize(logits.size());
    std::transform(logits.begin(), logits.end(), scratch.log_probs.begin(), log_prob);
  }
  const std::span<const float> values = shifts ? std::span<const float>(scratch.log_probs) : logits;
  const sampling::LogitRow adjusted = adjusted_logits(values, row, scratch.adjust);
  find_maxima(adjusted, scratch.maxima);
  for (const auto& [id, value] : largest_logits(adjusted, scratch.maxima, n)) {
    const double score = shifts ? static_cast<double>(value) : log_softmax(value);
    result.best.push_back({id, log_softmax(logits[static_cast<std::size_t>(id)]), score});
  }
  return result;
}

}  // namespace

std::vector<Continuations> continuations(const float* logits, std::size_t vocab,
                                         std::span<const SamplerRow* const> rows, std::span<const std::int64_t> counts,
                                         ThreadPool* pool, std::span<const std::int32_t> logit_rows) {
  sampling::check_rows(vocab, rows);
  for (const std::int64_t count : counts) {
    if (count < 1) throw InvalidArgument("counts must be positive, not " + std::to_string(count));
  }
  std::vector<Continuations> results(rows.size());
  sampling::for_each_row(rows.size(), pool, [&](std::size_t i) {
    const std::size_t row = logit_rows.empty() ? i : static_cast<std::size_t>(logit_rows[i]);
    results[i] = continue_row({logits + row * vocab, vocab}, *rows[i], static_cast<std::size_t>(counts[i]));
  });
  return results;
}

}  // namespace llmagentos
