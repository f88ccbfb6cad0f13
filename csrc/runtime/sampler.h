// From logits to tokens: one row of logits per sequence, each with settings of its own.
//
// The order of operations on a row is that of transformers' `generate` (vLLM's differs in one place, named below):
//   1. logprobs, where asked for, are taken from the logits as the model gave them: natural log of the softmax;
//   2. tokens that `allowed` does not hold are forbidden: their logits are -infinity, and stay so;
//   3. logit_bias is added;
//   4. repetition penalty, for every token in prompt_ids or output_ids, once: a positive logit is divided by it, any
//      other multiplied (Keskar et al. 2019, as in transformers);
//   5. presence and frequency penalties, over output_ids alone: presence is subtracted once from each token that
//      occurs, frequency once per occurrence (OpenAI's rule);
//   6. DRY: from each token that would continue a repetition of dry_allowed_length or more tokens, a penalty that grows
//      exponentially with its length is subtracted (sampler_dry.h);
//   7. below min_tokens, end_ids are forbidden; not where step 2 leaves nothing else, since such a text can only end.
//      So are tokens that would complete an n-gram of prompt_ids and output_ids a second time, no_repeat_ngram_size
//      tokens long; not where that leaves nothing (sampler_ngrams.h);
//   8. temperature divides; 0 takes the largest logit (the lowest id of equal ones) and skips the rest;
//   9. top_k keeps the k largest, and all that equal the smallest of those;
//  10. top_p keeps the most probable, in order of (probability, lower id first), until their share of what top_k left
//      reaches top_p; at least one (Holtzman et al. 2020);
//  11. min_p keeps those with at least min_p times the largest probability (Nguyen et al. 2024). vLLM does this before
//      top_k, which gives the same tokens unless top_p < 1, whose share is then of less;
//  12. typical_p keeps those whose surprise, -log p, is nearest to the entropy of what is left, until their share of it
//      reaches typical_p, and all as near as the last of those; at least one (Meister et al. 2023, "Locally typical
//      sampling");
//  13. one token is drawn from what is left, renormalised: inverse CDF in order of ids, with the one uniform number of
//      (seed, token_index).
// Nothing depends on other rows, on the number of threads, or on the instruction set in use.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace llmagentos {

class ThreadPool;

// A set of tokens as bits: token t is in it where bit t % 32 of word t / 32 is set.
using TokenBits = std::span<const std::uint32_t>;

inline bool has_token(TokenBits bits, std::size_t token) {
  return token / 32 < bits.size() && (bits[token / 32] >> (token % 32) & 1u) != 0;
}

struct SamplerRow {
  float temperature = 1.0f;             // finite, >= 0
  std::int64_t top_k = 0;               // <= 0, or not below the vocabulary's size: off
  float top_p = 1.0f;                   // [0, 1]; 1: off; 0: the most probable token
  float min_p = 0.0f;                   // [0, 1]; 0: off
  float typical_p = 1.0f;               // [0, 1]; 1: off; 0: the most typical token
  std::uint64_t seed = 0;               // with token_index, the whole state of the random numbers
  std::uint64_t token_index = 0;        // of the token to draw, counted from the first of output_ids
  float repetition_penalty = 1.0f;      // finite, > 0; 1: off
  float presence_penalty = 0.0f;        // finite
  float frequency_penalty = 0.0f;       // finite
  float dry_multiplier = 0.0f;          // finite, >= 0; 0: off
  float dry_base = 1.75f;               // finite, >= 1
  std::int64_t dry_allowed_length = 2;  // >= 1
  std::int64_t dry_range = 0;           // newest tokens looked at; <= 0: all
  TokenBits dry_breakers;               // no repetition reaches across these; may be shorter than the vocabulary
  std::vector<std::pair<std::int32_t, float>> logit_bias;  // ids of the vocabulary; -infinity forbids a token
  std::optional<TokenBits> allowed;                        // of ceil(vocabulary / 32) words
  std::int64_t no_repeat_ngram_size = 0;                   // <= 0: off
  std::uint64_t min_tokens = 0;                            // with token_index: whether end_ids are forbidden
  std::vector<std::int32_t> end_ids;                       // of the vocabulary, each once
  std::vector<std::int32_t> prompt_ids;                    // read only where a penalty or no_repeat_ngram_size is on
  std::vector<std::int32_t> output_ids;
  std::optional<std::int64_t> logprobs;  // how many of the most probable tokens to list; 0: only the chosen one's

  bool penalises_repetition() const { return repetition_penalty != 1.0f; }
  bool penalises_output() const { return presence_penalty != 0.0f || frequency_penalty != 0.0f; }
  bool penalises_continuations() const { return dry_multiplier > 0.0f; }
  bool forbids_repeats() const { return no_repeat_ngram_size > 0; }

  // Makes output_ids the n ids that id_at(0) to id_at(n - 1) give. The two begin alike and differ at their ends only,
  // so that what comes before the last id in common is not read.
  template <class IdAt>
  void sync_output(std::size_t n, const IdAt& id_at) {
    std::size_t same = std::min(output_ids.size(), n);
    while (same > 0 && output_ids[same - 1] != id_at(same - 1)) --same;
    output_ids.resize(same);
    for (std::size_t i = same; i < n; ++i) output_ids.push_back(id_at(i));
  }
};

struct Sampled {
  std::int32_t token_id = -1;
  std::optional<double> logprob;                     // of token_id, when logprobs is set
  std::vector<std::pair<std::int32_t, double>> top;  // (id, logprob), most probable first, lower id first of equal ones
};

// logits: rows of `vocab` floats each, row-major and read only. Sequence i reads row logit_rows[i], or row i where
// logit_rows is empty; several may read one. The sequences are shared out over `pool` (nullptr: all in the calling
// thread). Result i belongs to sequence i.
//
// Throws InvalidArgument for a setting outside its domain or an id outside the vocabulary, and Error where no
// distribution exists: the logit of an allowed token is NaN or +infinity, or all are -infinity. The message names the
// first such row.
std::vector<Sampled> sample(const float* logits, std::size_t vocab, std::span<const SamplerRow* const> rows,
                            ThreadPool* pool, std::span<const std::int32_t> logit_rows = {});

// What is guessed to follow a sequence, and where its logits are.
struct Drafts {
  std::int32_t first_row = 0;  // of the logits after the sequence; those after draft j are in row first_row + j + 1
  std::span<const std::int32_t> tokens;  // of the vocabulary
};

// The tokens of each sequence as sample() would draw them one by one, each from the row of its own, for as long as they
// are the drafts: one more than drafts that came true. Token j of a sequence has token_index + j, and the j before it
// are added to output_ids. `rows` stay as they are. Throws as sample() does.
std::vector<std::vector<Sampled>> verify(const float* logits, std::size_t vocab,
                                         std::span<const SamplerRow* const> rows, std::span<const Drafts> drafts,
                                         ThreadPool* pool);

// A token that may follow, and how likely it is.
struct Continuation {
  std::int32_t token_id = -1;
  double logprob = 0;  // natural log of the softmax of the row as the model gave it
  double score = 0;    // the same after steps 2 to 7, which then work on log probabilities: what beam search adds up
};

struct Continuations {
  std::vector<Continuation> best;  // highest score first, lower id first of equal ones; none is -infinity
  std::vector<std::pair<std::int32_t, double>> top;  // as Sampled::top
};

// The counts[i] best continuations of each sequence, fewer where fewer are allowed; temperature, filters and seed are
// not used. Steps 2 to 7 are applied to log probabilities rather than to logits, as in transformers' beam search, which
// makes a difference to the repetition penalty alone. The rest is as for sample().
std::vector<Continuations> continuations(const float* logits, std::size_t vocab,
                                         std::span<const SamplerRow* const> rows, std::span<const std::int64_t> counts,
                                         ThreadPool* pool, std::span<const std::int32_t> logit_rows = {});

// The distribution that sample() draws the token from, into out[vocab]: zero for what the filters removed, summing
// to 1 within rounding. With temperature 0 it is 1 for the chosen token. Throws as sample() does.
void probabilities(const float* logits, std::size_t vocab, const SamplerRow& row, float* out);

}  // namespace llmagentos
