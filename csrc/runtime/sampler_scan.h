// The passes over a whole row of logits, in blocks whose maxima and sums let later steps skip most of the row.
// Written for the compiler's vectoriser, always for the baseline instruction set: results are the same bits on every
// x86-64 machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace llmagentos::sampling {

constexpr std::size_t kBlock = 64;

inline std::size_t block_count(std::size_t n) { return (n + kBlock - 1) / kBlock; }

// The largest value of each block of kBlock logits, and of all.
struct Maxima {
  std::vector<float> blocks;
  float top = 0;
};

// Fills `maxima`. Throws Error when a logit is NaN or +infinity, or when all are -infinity.
void find_maxima(std::span<const float> logits, Maxima& maxima);

// The index of the first logit equal to maxima.top.
std::size_t argmax(std::span<const float> logits, const Maxima& maxima);

// A lower bound of the k-th largest logit: at least k logits reach it. k >= 1. -infinity when there are fewer blocks.
float kth_largest_bound(const Maxima& maxima, std::size_t k);

// The map from logits to unnormalised probabilities: a logit's weight is exp(scaled), in (0, 1] for logits above the
// underflow at exp(-87), else 0, and exactly 0 for -infinity. The largest logit's is exactly 1.
struct Softmax {
  float top;
  float temperature;  // > 0

  float scaled(float logit) const { return (logit - top) / temperature; }  // <= 0, non-decreasing in logit
};

struct WeighedBlock {
  float scaled[kBlock];
  float weight[kBlock];
};

// Scales and weighs one block of `logits`, with weight 0 beyond the row's end. Relative error of a weight: 3e-7
// beside what rounding `scaled` causes.
void weigh_block(std::span<const float> logits, std::size_t block, const Softmax& softmax, WeighedBlock& out);

// The sum of each block's weights into `blocks`; returns their total, in a fixed order and float64 above the block.
double sum_weights(std::span<const float> logits, const Softmax& softmax, std::vector<double>& blocks);

}  // namespace llmagentos::sampling
