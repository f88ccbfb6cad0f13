#include "runtime/input_squares.h"

#include <variant>

namespace llmagentos::runtime {

InputSquares::InputSquares(const graph::Plan& plan) {
  plan.for_each_step([&](const graph::Step& step) {
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      steps_[linear].columns.resize(
          static_cast<std::size_t>(plan.values[static_cast<std::size_t>(linear->input.value)].width));
  });
}

void InputSquares::add(const graph::LinearStep& step, const float* rows, std::int64_t n_rows, int part, int n_parts) {
  Sums& sums = steps_.at(&step);
  const std::size_t n = sums.columns.size();
  const std::size_t begin = n * static_cast<std::size_t>(part) / static_cast<std::size_t>(n_parts);
  const std::size_t end = n * static_cast<std::size_t>(part + 1) / static_cast<std::size_t>(n_parts);
  for (std::int64_t r = 0; r < n_rows; ++r) {
    const float* row = rows + static_cast<std::size_t>(r) * n;
    for (std::size_t i = begin; i < end; ++i) sums.columns[i] += static_cast<double>(row[i]) * row[i];
  }
  if (part == 0) sums.n_rows += n_rows;
}

std::map<std::string, InputSquares::Sums> InputSquares::by_weight(const graph::Plan& plan) const {
  std::map<std::string, Sums> found;
  for (const auto& [step, sums] : steps_) {
    for (const graph::Product& product : step->products) {
      // A weight that several steps share has the inputs of all.
      Sums& total = found[plan.weights[static_cast<std::size_t>(product.weight)].name];
      total.columns.resize(sums.columns.size());
      for (std::size_t i = 0; i < sums.columns.size(); ++i) total.columns[i] += sums.columns[i];
      total.n_rows += sums.n_rows;
    }
  }
  return found;
}

}  // namespace llmagentos::runtime
