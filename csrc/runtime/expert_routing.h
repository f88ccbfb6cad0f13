// Which experts the tokens of a batch go to, and the rows that each expert gets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace llmagentos::runtime {

// Chooses for one token at a time; holds the memory that this takes.
class Router {
 public:
  // logits [n_experts], bias [n_experts] or null -> experts [n_used] in rising order, weights [n_used].
  void choose(const graph::Routing& routing, const float* logits, const float* bias, std::int32_t* experts,
              float* weights);

 private:
  void score(const graph::Routing& routing, const float* logits);
  void close_groups(const graph::Routing& routing);

  std::vector<float> scores_, choice_, group_scores_;
  std::vector<std::uint8_t> is_closed_, is_group_closed_;
};

// One row for each (token, expert) pair of a batch: those of one expert lie side by side, in the order of the tokens.
struct ExpertRows {
  std::vector<std::int32_t> begins;  // [n_experts + 1]
  std::vector<std::int32_t> tokens;  // of each row
  std::vector<float> weights;        // of each row
  std::vector<std::int32_t> busy;    // experts that have rows, those with the fewest first

  // From each token's experts and weights, n_used of both for each token.
  void group(std::int64_t n_experts, std::int64_t n_used, std::span<const std::int32_t> experts,
             std::span<const float> expert_weights);

  std::int64_t begin(std::int64_t expert) const { return begins[static_cast<std::size_t>(expert)]; }
  std::int64_t count(std::int64_t expert) const { return begin(expert + 1) - begin(expert); }
};

}  // namespace llmagentos::runtime
