// Sums of squares of what linear layers and experts read, column by column: how much an error in each column of a
// weight matters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/plan.h"
#include "runtime/expert_routing.h"

namespace llmagentos::runtime {

class InputSquares {
 public:
  explicit InputSquares(const graph::Plan& plan);

  // Part `part` of `n_parts` of the columns of a step's input rows, the norm before its products applied; each part is
  // added by one thread.
  void add(const graph::LinearStep& step, const float* rows, std::int64_t n_rows, int part, int n_parts);

  // Likewise of what each expert's gate and up products read: of `values`, the rows that came to it.
  void add(const graph::MoeStep& step, const float* values, const ExpertRows& rows, int part, int n_parts);

  // The columns [column, column + n_columns) of n rows of what an expert's down product reads, `stride` floats apart;
  // of one expert and column by one thread at a time.
  void add_hidden(const graph::MoeStep& step, std::int64_t expert, const float* rows, std::int64_t n,
                  std::int64_t stride, std::int64_t column, std::int64_t n_columns);

  // Of a weight, or of each of the matrices that it is a stack of.
  struct Sums {
    std::vector<double> columns;       // [n_matrices][n_columns]
    std::vector<std::int64_t> n_rows;  // [n_matrices], that they are of
  };
  std::map<std::string, Sums> by_weight(const graph::Plan& plan) const;

 private:
  struct OfExperts {
    Sums input;
    std::vector<double> hidden;  // [n_experts][hidden], of as many rows
  };

  std::map<const graph::LinearStep*, Sums> steps_;
  std::map<const graph::MoeStep*, OfExperts> experts_;
};

}  // namespace llmagentos::runtime
