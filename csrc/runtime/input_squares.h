// Sums of squares of what linear layers read, column by column: how much an error in each column of a weight matters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/plan.h"

namespace llmagentos::runtime {

class InputSquares {
 public:
  explicit InputSquares(const graph::Plan& plan);

  // Part `part` of `n_parts` of the columns of a step's input rows, the norm before its products applied; each part is
  // added by one thread.
  void add(const graph::LinearStep& step, const float* rows, std::int64_t n_rows, int part, int n_parts);

  // By weight: the sums of its columns, and the rows they are of.
  struct Sums {
    std::vector<double> columns;
    std::int64_t n_rows = 0;
  };
  std::map<std::string, Sums> by_weight(const graph::Plan& plan) const;

 private:
  std::map<const graph::LinearStep*, Sums> steps_;
};

}  // namespace llmagentos::runtime
