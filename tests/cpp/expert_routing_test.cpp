// How experts are chosen and weighed, and how rows are sorted by them.
#include "runtime/expert_routing.h"

#include <cmath>

#include "check.h"

using namespace llmagentos;
using namespace llmagentos::runtime;

namespace {

struct Choice {
  std::vector<std::int32_t> experts;
  std::vector<float> weights;
};

Choice choose(const graph::Routing& routing, const std::vector<float>& logits, const float* bias = nullptr) {
  Choice choice{std::vector<std::int32_t>(static_cast<std::size_t>(routing.n_used)),
                std::vector<float>(static_cast<std::size_t>(routing.n_used))};
  Router().choose(routing, logits.data(), bias, choice.experts.data(), choice.weights.data());
  return choice;
}

bool near(float a, double b) { return std::fabs(a - b) < 1e-6; }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

using Experts = std::vector<std::int32_t>;

}  // namespace

TEST(a_softmax_is_over_all_experts_or_over_the_chosen) {
  const std::vector<float> logits{0.5f, 2.0f, -1.0f, 1.0f};
  double all = 0;
  for (const float x : logits) all += std::exp(x);
  const Choice normalised = choose({.n_experts = 4, .n_used = 2}, logits);
  const Choice plain = choose({.n_experts = 4, .n_used = 2, .is_normalised = false, .scale = 2.5f}, logits);
  CHECK((normalised.experts == Experts{1, 3} && plain.experts == Experts{1, 3}));
  CHECK(near(normalised.weights[0], std::exp(2) / (std::exp(2) + std::exp(1))));
  CHECK(near(normalised.weights[0] + normalised.weights[1], 1));
  CHECK(near(plain.weights[0], 2.5 * std::exp(2) / all) && near(plain.weights[1], 2.5 * std::exp(1) / all));
}

TEST(of_equal_experts_the_first_are_chosen) {
  CHECK((choose({.n_experts = 6, .n_used = 3}, {1, 2, 1, 2, 1, 1}).experts == Experts{0, 1, 3}));
  CHECK((choose({.n_experts = 4, .n_used = 4}, {0, 0, 0, 0}).experts == Experts{0, 1, 2, 3}));
}

TEST(a_selection_bias_changes_the_choice_and_not_the_weights) {
  const float bias[] = {0, 0, 1, 0};
  const graph::Routing routing{.n_experts = 4, .n_used = 2, .scores = graph::RouterScores::sigmoid, .scale = 2.0f};
  const Choice choice = choose(routing, {1, 0.5f, -3, 0}, bias);
  CHECK((choice.experts == Experts{0, 2}));
  CHECK(near(choice.weights[0], 2 * sigmoid(1) / (sigmoid(1) + sigmoid(-3))));
}

TEST(experts_come_from_the_groups_of_the_best_pairs) {
  // The best expert's group has the worst pair.
  const graph::Routing routing{
      .n_experts = 6, .n_used = 2, .scores = graph::RouterScores::sigmoid, .n_groups = 3, .n_groups_used = 1};
  CHECK((choose(routing, {3, -9, 1, 2, 0, 1.5f}).experts == Experts{2, 3}));
  graph::Routing of_two = routing;
  of_two.n_groups_used = 2;
  CHECK((choose(of_two, {3, -9, 1, 2, 0, 1.5f}).experts == Experts{3, 5}));
}

TEST(groups_may_be_measured_by_their_best_expert_alone) {
  const graph::Routing routing{.n_experts = 6, .n_used = 2, .n_groups = 3, .n_groups_used = 1, .n_group_scores = 1};
  CHECK((choose(routing, {3, -9, 1, 2, 0, 1.5f}).experts == Experts{0, 1}));
}

TEST(logits_that_are_no_numbers_still_choose_experts) {
  const Choice choice = choose({.n_experts = 4, .n_used = 3}, std::vector<float>(4, NAN));
  CHECK((choice.experts == Experts{0, 1, 2}));
  CHECK(std::isnan(choice.weights[0]));
  const Choice none = choose({.n_experts = 2, .n_used = 1, .scores = graph::RouterScores::sigmoid}, {-300, -300});
  CHECK(none.weights[0] == 0.0f);
}

TEST(rows_are_sorted_by_expert_and_token) {
  ExpertRows rows;
  const Experts experts{1, 3, 0, 3, 1, 3};
  const std::vector<float> weights{0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
  for (int again = 0; again < 2; ++again) {
    rows.group(4, 2, experts, weights);
    CHECK((rows.begins == Experts{0, 1, 3, 3, 6}));
    CHECK((rows.tokens == Experts{1, 0, 2, 0, 1, 2}));
    CHECK((rows.weights == std::vector<float>{0.3f, 0.1f, 0.5f, 0.2f, 0.4f, 0.6f}));
    CHECK((rows.busy == Experts{0, 1, 3}));
  }
}

TEST_MAIN
