#include "runtime/sampler_logits.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "base/error.h"

namespace llmagentos::sampling {
namespace {

template <class T>
void require(bool holds, const char* name, T value, const char* domain) {
  if (holds) return;
  std::ostringstream message;
  message << name << " must be " << domain << ", not " << value;
  throw InvalidArgument(message.str());
}

void require_tokens(std::span<const std::int32_t> ids, std::size_t vocab, const char* name) {
  for (const std::int32_t id : ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < vocab) continue;
    throw InvalidArgument(std::string(name) + ": token id " + std::to_string(id) + " is not in the vocabulary of " +
                          std::to_string(vocab) + " tokens");
  }
}

bool penalises_repetition(const SamplerRow& row) { return row.repetition_penalty != 1.0f; }
bool penalises_output(const SamplerRow& row) { return row.presence_penalty != 0.0f || row.frequency_penalty != 0.0f; }

void penalise_repetition(const SamplerRow& row, AdjustScratch& scratch) {
  for (const auto* ids : {&row.prompt_ids, &row.output_ids}) {
    for (const std::int32_t id : *ids) {
      const auto token = static_cast<std::size_t>(id);
      if (scratch.occurrences[token] != 0) continue;
      scratch.occurrences[token] = 1;
      float& logit = scratch.logits[token];
      logit = logit > 0 ? logit / row.repetition_penalty : logit * row.repetition_penalty;
    }
  }
  for (const auto* ids : {&row.prompt_ids, &row.output_ids}) {
    for (const std::int32_t id : *ids) scratch.occurrences[static_cast<std::size_t>(id)] = 0;
  }
}

void penalise_output(const SamplerRow& row, AdjustScratch& scratch) {
  for (const std::int32_t id : row.output_ids) ++scratch.occurrences[static_cast<std::size_t>(id)];
  for (const std::int32_t id : row.output_ids) {
    const auto token = static_cast<std::size_t>(id);
    if (scratch.occurrences[token] == 0) continue;  // done at an earlier occurrence
    scratch.logits[token] -= row.frequency_penalty * static_cast<float>(scratch.occurrences[token]);
    scratch.logits[token] -= row.presence_penalty;
    scratch.occurrences[token] = 0;
  }
}

}  // namespace

void check_row(const SamplerRow& row, std::size_t vocab) {
  require(std::isfinite(row.temperature) && row.temperature >= 0, "temperature", row.temperature,
          "a finite number of at least 0");
  require(row.top_p >= 0 && row.top_p <= 1, "top_p", row.top_p, "between 0 and 1");
  require(row.min_p >= 0 && row.min_p <= 1, "min_p", row.min_p, "between 0 and 1");
  require(std::isfinite(row.repetition_penalty) && row.repetition_penalty > 0, "repetition_penalty",
          row.repetition_penalty, "a finite number above 0");
  require(std::isfinite(row.presence_penalty), "presence_penalty", row.presence_penalty, "a finite number");
  require(std::isfinite(row.frequency_penalty), "frequency_penalty", row.frequency_penalty, "a finite number");
  require(row.logprobs.value_or(0) >= 0, "logprobs", row.logprobs.value_or(0), "at least 0");
  for (const auto& [id, bias] : row.logit_bias) {
    require_tokens({&id, 1}, vocab, "logit_bias");
    require(bias < std::numeric_limits<float>::infinity(), "logit_bias", bias, "a number below infinity");
  }
  if (penalises_repetition(row)) require_tokens(row.prompt_ids, vocab, "prompt_ids");
  if (penalises_repetition(row) || penalises_output(row)) require_tokens(row.output_ids, vocab, "output_ids");
}

std::span<const float> adjusted_logits(std::span<const float> logits, const SamplerRow& row, AdjustScratch& scratch) {
  if (row.logit_bias.empty() && !penalises_repetition(row) && !penalises_output(row)) return logits;
  scratch.logits.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : row.logit_bias) scratch.logits[static_cast<std::size_t>(id)] += bias;
  if (scratch.occurrences.size() < logits.size()) scratch.occurrences.resize(logits.size());
  if (penalises_repetition(row)) penalise_repetition(row, scratch);
  if (penalises_output(row)) penalise_output(row, scratch);
  return scratch.logits;
}

}  // namespace llmagentos::sampling
