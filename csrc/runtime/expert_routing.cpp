#include "runtime/expert_routing.h"

#include <algorithm>
#include <cmath>

namespace llmagentos::runtime {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The open element of the largest value, the first of equal ones. One is always found, whatever is NaN.
std::int64_t best_open(std::span<const float> values, std::span<const std::uint8_t> is_closed) {
  std::int64_t best = -1;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!is_closed[i] && (best < 0 || values[i] > values[at(best)])) best = static_cast<std::int64_t>(i);
  return best;
}

constexpr float kLeastSum = 1e-20f;  // sigmoids may all be zero

}  // namespace

void Router::score(const graph::Routing& routing, const float* logits) {
  const std::size_t n = at(routing.n_experts);
  scores_.resize(n);
  if (routing.scores == graph::RouterScores::sigmoid) {
    for (std::size_t e = 0; e < n; ++e) scores_[e] = 1.0f / (1.0f + std::exp(-logits[e]));
    return;
  }
  const float most = *std::max_element(logits, logits + n);
  float sum = 0;
  for (std::size_t e = 0; e < n; ++e) sum += scores_[e] = std::exp(logits[e] - most);
  for (std::size_t e = 0; e < n; ++e) scores_[e] /= sum;
}

// Closes the experts of all groups but the best.
void Router::close_groups(const graph::Routing& routing) {
  const std::size_t size = at(routing.n_experts / routing.n_groups);
  group_scores_.resize(at(routing.n_groups));
  is_group_closed_.assign(group_scores_.size(), 0);
  for (std::size_t g = 0; g < group_scores_.size(); ++g) {
    float first = -HUGE_VALF, second = -HUGE_VALF;
    for (std::size_t e = g * size; e < (g + 1) * size; ++e) {
      second = std::max(second, std::min(first, choice_[e]));
      first = std::max(first, choice_[e]);
    }
    group_scores_[g] = size > 1 && routing.n_group_scores > 1 ? first + second : first;
  }
  std::fill(is_closed_.begin(), is_closed_.end(), std::uint8_t{1});
  for (int used = 0; used < routing.n_groups_used; ++used) {
    const std::size_t group = at(best_open(group_scores_, is_group_closed_));
    is_group_closed_[group] = 1;
    std::fill_n(is_closed_.begin() + static_cast<std::ptrdiff_t>(group * size), size, std::uint8_t{0});
  }
}

void Router::choose(const graph::Routing& routing, const float* logits, const float* bias, std::int32_t* experts,
                    float* weights) {
  score(routing, logits);
  choice_ = scores_;
  if (bias)
    for (std::size_t e = 0; e < choice_.size(); ++e) choice_[e] += bias[e];
  is_closed_.assign(choice_.size(), 0);
  if (routing.n_groups_used < routing.n_groups) close_groups(routing);
  for (int i = 0; i < routing.n_used; ++i) {
    experts[i] = static_cast<std::int32_t>(best_open(choice_, is_closed_));
    is_closed_[at(experts[i])] = 1;
  }
  std::sort(experts, experts + routing.n_used);
  float sum = kLeastSum;
  for (int i = 0; i < routing.n_used; ++i) sum += scores_[at(experts[i])];
  for (int i = 0; i < routing.n_used; ++i)
    weights[i] = scores_[at(experts[i])] / (routing.is_normalised ? sum : 1.0f) * routing.scale;
}

void ExpertRows::group(std::int64_t n_experts, std::int64_t n_used, std::span<const std::int32_t> experts,
                       std::span<const float> expert_weights) {
  begins.assign(at(n_experts + 1), 0);
  for (const std::int32_t e : experts) ++begins[at(e + 1)];
  for (std::size_t e = 0; e < at(n_experts); ++e) begins[e + 1] += begins[e];
  tokens.resize(experts.size());
  weights.resize(experts.size());
  for (std::size_t i = 0; i < experts.size(); ++i) {
    const std::size_t row = at(begins[at(experts[i])]++);
    tokens[row] = static_cast<std::int32_t>(i / at(n_used));
    weights[row] = expert_weights[i];
  }
  // Filling has moved each beginning to its end, which is where the next one begins.
  std::rotate(begins.begin(), begins.end() - 1, begins.end());
  begins.front() = 0;
  busy.clear();
  for (std::int64_t e = 0; e < n_experts; ++e)
    if (count(e) > 0) busy.push_back(static_cast<std::int32_t>(e));
  std::stable_sort(busy.begin(), busy.end(), [this](std::int32_t a, std::int32_t b) { return count(a) < count(b); });
}

}  // namespace llmagentos::runtime
