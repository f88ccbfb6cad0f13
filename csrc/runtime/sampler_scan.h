// The passes over a whole row of logits, in blocks whose maxima and sums let later steps skip most of the row.
// Written for the compiler's vectoriser, always for the baseline instruction set: results are the same bits on every
// x86-64 machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "runtime/sampler.h"

namespace llmagentos::sampling {

constexpr std::size_t kBlock = 64;

inline std::size_t block_count(std::size_t n) { return (n + kBlock - 1) / kBlock; }

// One row of logits as the passes read it: forbidden tokens have -infinity. The mask is applied to a block when that
// is read, so that a row of forbidden tokens costs a look at its mask, and no row is copied.
struct LogitRow {
  std::span<const float> values;
  std::optional<TokenBits> allowed;  // of ceil(values.size() / 32) words

  std::size_t size() const { return values.size(); }

  // Bit i is token i of the block; those beyond the row's end are what the mask's last word has there.
  std::uint64_t allowed_in(std::size_t block) const {
    if (!allowed) return ~std::uint64_t{0};
    const std::size_t word = block * (kBlock / 32);
    const std::uint64_t high = word + 1 < allowed->size() ? (*allowed)[word + 1] : 0;
    return high << 32 | (*allowed)[word];
  }
};

// The kBlock logits of a block, with -infinity for forbidden tokens and beyond the row's end: the row's own memory
// where it holds just these, else `buffer`.
const float* block_values(const LogitRow& row, std::size_t block, float* buffer);

// The largest value of each block of kBlock logits, and of all.
struct Maxima {
  std::vector<float> blocks;
  float top = 0;
};

// Fills `maxima`. Throws Error when the logit of an allowed token is NaN or +infinity, or when all are -infinity.
void find_maxima(const LogitRow& row, Maxima& maxima);

// The index of the first logit equal to maxima.top.
std::size_t argmax(const LogitRow& row, const Maxima& maxima);

// A lower bound of the k-th largest logit: at least k logits reach it. k >= 1. -infinity when there are fewer blocks.
float kth_largest_bound(const Maxima& maxima, std::size_t k);

// The map from logits to unnormalised probabilities: a logit's weight is exp(scaled), in (0, 1] for logits above the
// underflow at exp(-87), else 0, and exactly 0 for -infinity. The largest logit's is exactly 1.
struct Softmax {
  float top = 0;
  float inverse_temperature = 1;

  // temperature > 0. The bound keeps the largest logit's 0 a 0 where the inverse overflows.
  Softmax(float top_logit, float temperature)
      : top(top_logit), inverse_temperature(std::min(1.0f / temperature, std::numeric_limits<float>::max())) {}

  float scaled(float logit) const { return (logit - top) * inverse_temperature; }  // <= 0, non-decreasing in logit
};

struct WeighedBlock {
  float scaled[kBlock];
  float weight[kBlock];
};

// Scales and weighs one block of the row, with weight 0 for forbidden tokens and beyond the row's end. Relative error
// of a weight: 3e-7 beside what rounding `scaled` causes.
void weigh_block(const LogitRow& row, std::size_t block, const Softmax& softmax, WeighedBlock& out);

// The same for logits in any order and number.
void weigh(std::span<const float> logits, const Softmax& softmax, float* scaled, float* weight);

// The sum of each block's weights into `blocks`; returns their total, in a fixed order and float64 above the block.
// `moment`, where given, gets the sum of weight * scaled.
double sum_weights(const LogitRow& row, const Softmax& softmax, std::vector<double>& blocks, double* moment = nullptr);

}  // namespace llmagentos::sampling
