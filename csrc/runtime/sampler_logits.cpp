#include "runtime/sampler_logits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
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

// Whether a token is left that is none of `ids`, each of which is there once.
bool leaves_a_token(const std::optional<TokenBits>& allowed, std::span<const std::int32_t> ids, std::size_t vocab) {
  if (!allowed) return ids.size() < vocab;
  const auto is_allowed = [&](std::int32_t id) { return has_token(*allowed, static_cast<std::size_t>(id)); };
  const auto n_ids = static_cast<std::size_t>(std::count_if(ids.begin(), ids.end(), is_allowed));
  std::size_t n_allowed = 0;
  for (std::size_t word = 0; word < allowed->size() && n_allowed <= n_ids; ++word) {
    const std::size_t n_tokens = std::min<std::size_t>(32, vocab - word * 32);
    n_allowed += static_cast<std::size_t>(std::popcount((*allowed)[word] & (~0u >> (32 - n_tokens))));
  }
  return n_allowed > n_ids;
}

// Fills scratch.forbidden with what step 7 forbids, each token once.
void find_forbidden(const SamplerRow& row, std::size_t vocab, AdjustScratch& scratch) {
  std::vector<std::int32_t>& forbidden = scratch.forbidden;
  forbidden.clear();
  if (row.token_index < row.min_tokens) forbidden = row.end_ids;
  if (!forbidden.empty() && !leaves_a_token(row.allowed, forbidden, vocab)) forbidden.clear();
  if (!row.forbids_repeats()) return;
  const std::size_t n_ends = forbidden.size();
  find_repeats(row, scratch.ngrams);
  if (scratch.occurrences.size() < vocab) scratch.occurrences.resize(vocab);
  for (const std::int32_t id : forbidden) scratch.occurrences[static_cast<std::size_t>(id)] = 1;
  for (const std::int32_t id : scratch.ngrams.repeats) {
    std::int32_t& seen = scratch.occurrences[static_cast<std::size_t>(id)];
    if (seen == 0) forbidden.push_back(id);
    seen = 1;
  }
  for (const std::int32_t id : forbidden) scratch.occurrences[static_cast<std::size_t>(id)] = 0;
  if (!leaves_a_token(row.allowed, forbidden, vocab)) forbidden.resize(n_ends);
}

void check_penalties(const SamplerRow& row, std::size_t vocab) {
  require(std::isfinite(row.repetition_penalty) && row.repetition_penalty > 0, "repetition_penalty",
          row.repetition_penalty, "a finite number above 0");
  require(std::isfinite(row.presence_penalty), "presence_penalty", row.presence_penalty, "a finite number");
  require(std::isfinite(row.frequency_penalty), "frequency_penalty", row.frequency_penalty, "a finite number");
  require(std::isfinite(row.dry_multiplier) && row.dry_multiplier >= 0, "dry_multiplier", row.dry_multiplier,
          "a finite number of at least 0");
  require(std::isfinite(row.dry_base) && row.dry_base >= 1, "dry_base", row.dry_base, "a finite number of at least 1");
  require(row.dry_allowed_length >= 1, "dry_allowed_length", row.dry_allowed_length, "at least 1");
  const bool reads_prompt = row.penalises_repetition() || row.penalises_continuations() || row.forbids_repeats();
  if (reads_prompt) require_tokens(row.prompt_ids, vocab, "prompt_ids");
  if (reads_prompt || row.penalises_output()) require_tokens(row.output_ids, vocab, "output_ids");
}

}  // namespace

void check_row(const SamplerRow& row, std::size_t vocab) {
  require(std::isfinite(row.temperature) && row.temperature >= 0, "temperature", row.temperature,
          "a finite number of at least 0");
  require(row.top_p >= 0 && row.top_p <= 1, "top_p", row.top_p, "between 0 and 1");
  require(row.min_p >= 0 && row.min_p <= 1, "min_p", row.min_p, "between 0 and 1");
  require(row.typical_p >= 0 && row.typical_p <= 1, "typical_p", row.typical_p, "between 0 and 1");
  require(row.logprobs.value_or(0) >= 0, "logprobs", row.logprobs.value_or(0), "at least 0");
  for (const auto& [id, bias] : row.logit_bias) {
    require_tokens({&id, 1}, vocab, "logit_bias");
    require(bias < std::numeric_limits<float>::infinity(), "logit_bias", bias, "a number below infinity");
  }
  check_penalties(row, vocab);
  if (row.min_tokens > 0) require_tokens(row.end_ids, vocab, "end_ids");
  const std::size_t words = (vocab + 31) / 32;
  if (row.allowed && row.allowed->size() != words) {
    throw InvalidArgument("allowed must hold " + std::to_string(words) + " words, a bit for each of " +
                          std::to_string(vocab) + " tokens, not " + std::to_string(row.allowed->size()));
  }
}

LogitRow adjusted_logits(std::span<const float> logits, const SamplerRow& row, AdjustScratch& scratch) {
  find_forbidden(row, logits.size(), scratch);
  if (scratch.forbidden.empty() && row.logit_bias.empty() && !row.penalises_repetition() && !row.penalises_output() &&
      !row.penalises_continuations()) {
    return {logits, row.allowed};
  }
  scratch.logits.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : row.logit_bias) scratch.logits[static_cast<std::size_t>(id)] += bias;
  if (scratch.occurrences.size() < logits.size()) scratch.occurrences.resize(logits.size());
  if (row.penalises_repetition()) penalise_repetition(row, scratch);
  if (row.penalises_output()) penalise_output(row, scratch);
  if (row.penalises_continuations()) {
    penalise_continuations(row, scratch.logits, scratch.occurrences, scratch.dry);
  }
  for (const std::int32_t id : scratch.forbidden) {
    scratch.logits[static_cast<std::size_t>(id)] = -std::numeric_limits<float>::infinity();
  }
  return {scratch.logits, row.allowed};
}

}  // namespace llmagentos::sampling
