// From logits to tokens: one row of logits per sequence, each with settings of its own.
//
// The order of operations on a row is that of transformers' `generate` (vLLM's differs in one place, named below):
//   1. logprobs, where asked for, are taken from the logits as the model gave them: natural log of the softmax;
//   2. logit_bias is added;
//   3. repetition penalty, for every token in prompt_ids or output_ids, once: a positive logit is divided by it, any
//      other multiplied (Keskar et al. 2019, as in transformers);
//   4. presence and frequency penalties, over output_ids alone: presence is subtracted once from each token that
//      occurs, frequency once per occurrence (OpenAI's rule);
//   5. temperature divides; 0 takes the largest logit (the lowest id of equal ones) and skips the rest;
//   6. top_k keeps the k largest, and all that equal the smallest of those;
//   7. top_p keeps the most probable, in order of (probability, lower id first), until their share of what top_k left
//      reaches top_p; at least one (Holtzman et al. 2020);
//   8. min_p keeps those with at least min_p times the largest probability (Nguyen et al. 2024). vLLM does this before
//      top_k, which gives the same tokens unless top_p < 1, whose share is then of less;
//   9. one token is drawn from what is left, renormalised: inverse CDF in order of ids, with the one uniform number
//   that
//      belongs to (seed, token_index).
// Nothing depends on other rows, on the number of threads, or on the instruction set in use.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace llmagentos {

class ThreadPool;

struct SamplerRow {
  float temperature = 1.0f;                                // finite, >= 0
  std::int64_t top_k = 0;                                  // <= 0, or not below the vocabulary's size: off
  float top_p = 1.0f;                                      // [0, 1]; 1: off; 0: the most probable token
  float min_p = 0.0f;                                      // [0, 1]; 0: off
  std::uint64_t seed = 0;                                  // with token_index, the whole state of the random numbers
  std::uint64_t token_index = 0;                           // of the token to draw, counted from the sequence's first
  float repetition_penalty = 1.0f;                         // finite, > 0; 1: off
  float presence_penalty = 0.0f;                           // finite
  float frequency_penalty = 0.0f;                          // finite
  std::vector<std::pair<std::int32_t, float>> logit_bias;  // ids of the vocabulary; -infinity forbids a token
  std::vector<std::int32_t> prompt_ids;                    // read only where a penalty is on
  std::vector<std::int32_t> output_ids;
  std::optional<std::int64_t> logprobs;  // how many of the most probable tokens to list; 0: only the chosen one's
};

struct Sampled {
  std::int32_t token_id = -1;
  std::optional<double> logprob;                     // of token_id, when logprobs is set
  std::vector<std::pair<std::int32_t, double>> top;  // (id, logprob), most probable first, lower id first of equal ones
};

// logits: rows.size() rows of `vocab` floats each, row-major and read only. The rows are shared out over `pool`
// (nullptr: all in the calling thread). Result i belongs to row i.
//
// Throws InvalidArgument for a setting outside its domain or an id outside the vocabulary, and Error where no
// distribution exists: a logit is NaN or +infinity, or all are -infinity. The message names the first such row.
std::vector<Sampled> sample(const float* logits, std::size_t vocab, std::span<const SamplerRow* const> rows,
                            ThreadPool* pool);

// The distribution that sample() draws the token from, into out[vocab]: zero for what the filters removed, summing
// to 1 within rounding. With temperature 0 it is 1 for the chosen token. Throws as sample() does.
void probabilities(const float* logits, std::size_t vocab, const SamplerRow& row, float* out);

}  // namespace llmagentos
