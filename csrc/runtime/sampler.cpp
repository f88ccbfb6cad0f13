#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "runtime/sampler_candidates.h"
#include "runtime/sampler_logits.h"
#include "runtime/sampler_random.h"
#include "runtime/sampler_rows.h"
#include "runtime/sampler_scan.h"
#include "runtime/sampler_scratch.h"

namespace llmagentos {
namespace {

using sampling::Candidate;
using sampling::kBlock;
using sampling::LogitRow;
using sampling::Scratch;
using sampling::Softmax;
using sampling::thread_scratch;

// What a token is drawn from. Either the whole row, with the sums of its blocks, or the candidates the filters left.
struct Distribution {
  LogitRow logits;
  Softmax softmax{0.0f, 1.0f};
  std::span<const double> block_sums;     // of the whole row; empty where filters are on
  std::span<const Candidate> candidates;  // empty where none is
  double total = 0;
};

Distribution make_distribution(const LogitRow& logits, const SamplerRow& row, Scratch& scratch) {
  Distribution result;
  result.logits = logits;
  result.softmax = Softmax(scratch.maxima.top, row.temperature);
  if (sampling::has_filters(row, logits.size())) {
    select_candidates(logits, scratch.maxima, result.softmax, row, scratch.block_sums, scratch.candidates);
    result.candidates = scratch.candidates;
    for (const Candidate& candidate : result.candidates) result.total += static_cast<double>(candidate.weight);
  } else {
    result.total = sum_weights(logits, result.softmax, scratch.block_sums);
    result.block_sums = scratch.block_sums;
  }
  return result;
}

// Inverse CDF: the first token whose cumulative weight passes `target`; where rounding lets none pass, the last with
// any weight.
std::int32_t draw_candidate(const Distribution& from, double target) {
  double cumulative = 0;
  std::int32_t last = from.candidates.front().id;
  for (const Candidate& candidate : from.candidates) {
    if (candidate.weight == 0) continue;
    cumulative += static_cast<double>(candidate.weight);
    last = candidate.id;
    if (cumulative > target) break;
  }
  return last;
}

std::int32_t draw_from_row(const Distribution& from, double target) {
  double cumulative = 0;
  std::size_t chosen = 0;  // the block
  double before = 0;       // the sum of the blocks before it
  for (std::size_t block = 0; block < from.block_sums.size(); ++block) {
    if (from.block_sums[block] == 0) continue;
    chosen = block;
    before = cumulative;
    cumulative += from.block_sums[block];
    if (cumulative > target) break;
  }
  cumulative = before;
  sampling::WeighedBlock weighed;
  weigh_block(from.logits, chosen, from.softmax, weighed);
  std::size_t last = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    if (weighed.weight[i] == 0) continue;
    cumulative += static_cast<double>(weighed.weight[i]);
    last = i;
    if (cumulative > target) break;
  }
  return static_cast<std::int32_t>(chosen * kBlock + last);
}

std::int32_t choose(std::span<const float> logits, const SamplerRow& row, Scratch& scratch) {
  const LogitRow adjusted = adjusted_logits(logits, row, scratch.adjust);
  find_maxima(adjusted, scratch.maxima);
  if (row.temperature == 0) return static_cast<std::int32_t>(argmax(adjusted, scratch.maxima));
  const Distribution from = make_distribution(adjusted, row, scratch);
  const double target = uniform_for_token(row.seed, row.token_index) * from.total;
  return from.candidates.empty() ? draw_from_row(from, target) : draw_candidate(from, target);
}

Sampled sample_row(std::span<const float> logits, const SamplerRow& row) {
  Scratch& scratch = thread_scratch();
  Sampled sampled;
  sampled.token_id = choose(logits, row, scratch);
  if (row.logprobs) {
    const LogitRow raw{logits, std::nullopt};
    const sampling::LogSoftmax log_softmax(raw, scratch.maxima, scratch.block_sums);
    sampled.logprob = log_softmax(logits[static_cast<std::size_t>(sampled.token_id)]);
    sampled.top = most_probable(raw, scratch.maxima, log_softmax, static_cast<std::size_t>(*row.logprobs));
  }
  return sampled;
}

}  // namespace

std::vector<Sampled> sample(const float* logits, std::size_t vocab, std::span<const SamplerRow* const> rows,
                            ThreadPool* pool, std::span<const std::int32_t> logit_rows) {
  sampling::check_rows(vocab, rows);
  std::vector<Sampled> results(rows.size());
  sampling::for_each_row(rows.size(), pool, [&](std::size_t i) {
    const std::size_t row = logit_rows.empty() ? i : static_cast<std::size_t>(logit_rows[i]);
    results[i] = sample_row({logits + row * vocab, vocab}, *rows[i]);
  });
  return results;
}

std::vector<std::vector<Sampled>> verify(const float* logits, std::size_t vocab,
                                         std::span<const SamplerRow* const> rows, std::span<const Drafts> drafts,
                                         ThreadPool* pool) {
  sampling::check_rows(vocab, rows);
  std::vector<std::vector<Sampled>> results(rows.size());
  sampling::for_each_row(rows.size(), pool, [&](std::size_t i) {
    SamplerRow row = *rows[i];
    const float* at = logits + static_cast<std::size_t>(drafts[i].first_row) * vocab;
    results[i].push_back(sample_row({at, vocab}, row));
    for (const std::int32_t draft : drafts[i].tokens) {
      if (results[i].back().token_id != draft) break;
      row.output_ids.push_back(draft);
      ++row.token_index;
      at += vocab;
      results[i].push_back(sample_row({at, vocab}, row));
    }
  });
  return results;
}

void probabilities(const float* logits, std::size_t vocab, const SamplerRow& row, float* out) {
  const SamplerRow* const rows[] = {&row};
  sampling::check_rows(vocab, rows);
  Scratch& scratch = thread_scratch();
  std::fill(out, out + vocab, 0.0f);
  const LogitRow adjusted = adjusted_logits({logits, vocab}, row, scratch.adjust);
  find_maxima(adjusted, scratch.maxima);
  if (row.temperature == 0) {
    out[argmax(adjusted, scratch.maxima)] = 1.0f;
    return;
  }
  const Distribution from = make_distribution(adjusted, row, scratch);
  const auto share = [&](float weight) { return static_cast<float>(static_cast<double>(weight) / from.total); };
  for (const Candidate& candidate : from.candidates) out[candidate.id] = share(candidate.weight);
  if (!from.candidates.empty()) return;
  sampling::WeighedBlock weighed;
  for (std::size_t block = 0; block < from.block_sums.size(); ++block) {
    weigh_block(adjusted, block, from.softmax, weighed);
    const std::size_t begin = block * kBlock;
    for (std::size_t i = 0; i < std::min(kBlock, vocab - begin); ++i) out[begin + i] = share(weighed.weight[i]);
  }
}

}  // namespace llmagentos
