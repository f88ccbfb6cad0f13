#include "runtime/input_squares.h"

#include <variant>

namespace llmagentos::runtime {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

void add_squares(const float* row, std::size_t begin, std::size_t end, double* sums, double factor = 1.0) {
  for (std::size_t i = begin; i < end; ++i) sums[i] += factor * factor * row[i] * row[i];
}

// A weight that several steps share has the inputs of all.
void add_to(InputSquares::Sums& total, const std::vector<double>& columns, const std::vector<std::int64_t>& n_rows) {
  total.columns.resize(columns.size());
  total.n_rows.resize(n_rows.size());
  for (std::size_t i = 0; i < columns.size(); ++i) total.columns[i] += columns[i];
  for (std::size_t i = 0; i < n_rows.size(); ++i) total.n_rows[i] += n_rows[i];
}

}  // namespace

InputSquares::InputSquares(const graph::Plan& plan) {
  const auto width = [&](graph::ValueId value) { return at(plan.values[at(value)].width); };
  plan.for_each_step([&](const graph::Step& step) {
    if (const auto* linear = std::get_if<graph::LinearStep>(&step)) {
      steps_[linear].columns.resize(width(linear->input.value));
      steps_[linear].n_rows.resize(1);
    } else if (const auto* moe = std::get_if<graph::MoeStep>(&step)) {
      const std::size_t n_experts = at(moe->params.routing.n_experts);
      OfExperts& sums = experts_[moe];
      sums.input.columns.resize(n_experts * width(moe->input.value));
      sums.input.n_rows.resize(n_experts);
      sums.hidden.resize(n_experts * at(moe->params.hidden));
    }
  });
}

void InputSquares::add(const graph::LinearStep& step, const float* rows, std::int64_t n_rows, int part, int n_parts) {
  Sums& sums = steps_.at(&step);
  const std::size_t n = sums.columns.size();
  const std::size_t begin = n * at(part) / at(n_parts), end = n * at(part + 1) / at(n_parts);
  for (std::int64_t r = 0; r < n_rows; ++r) add_squares(rows + at(r) * n, begin, end, sums.columns.data());
  if (part == 0) sums.n_rows[0] += n_rows;
}

void InputSquares::add(const graph::MoeStep& step, const float* values, const ExpertRows& rows, int part, int n_parts) {
  Sums& sums = experts_.at(&step).input;
  const std::size_t n_experts = sums.n_rows.size(), n = sums.columns.size() / n_experts;
  const std::size_t begin = n * at(part) / at(n_parts), end = n * at(part + 1) / at(n_parts);
  for (std::size_t expert = 0; expert < n_experts; ++expert) {
    const auto id = static_cast<std::int64_t>(expert);
    for (std::int64_t r = rows.begin(id); r < rows.begin(id) + rows.count(id); ++r) {
      const double factor = step.params.weighs_inputs ? rows.weights[at(r)] : 1.0;
      add_squares(values + at(rows.tokens[at(r)]) * n, begin, end, &sums.columns[expert * n], factor);
    }
    if (part == 0) sums.n_rows[expert] += rows.count(id);
  }
}

void InputSquares::add_hidden(const graph::MoeStep& step, std::int64_t expert, const float* rows, std::int64_t n,
                              std::int64_t stride, std::int64_t column, std::int64_t n_columns) {
  double* sums = &experts_.at(&step).hidden[at(expert * step.params.hidden + column)];
  for (std::int64_t r = 0; r < n; ++r) add_squares(rows + r * stride, 0, at(n_columns), sums);
}

std::map<std::string, InputSquares::Sums> InputSquares::by_weight(const graph::Plan& plan) const {
  std::map<std::string, Sums> found;
  const auto of = [&](graph::WeightId weight) -> Sums& { return found[plan.weights[at(weight)].name]; };
  for (const auto& [step, sums] : steps_)
    for (const graph::Product& product : step->products) add_to(of(product.weight), sums.columns, sums.n_rows);
  for (const auto& [step, sums] : experts_) {
    add_to(of(step->params.gate), sums.input.columns, sums.input.n_rows);
    add_to(of(step->params.up), sums.input.columns, sums.input.n_rows);
    add_to(of(step->params.down), sums.hidden, sums.input.n_rows);
  }
  return found;
}

}  // namespace llmagentos::runtime
