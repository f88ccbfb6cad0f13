// Position biases as the attention kernel reads them: for each head one float per distance from query to key.
#pragma once

#include <vector>

#include "graph/plan.h"
#include "runtime/weights.h"

namespace llmagentos::runtime {

class PositionBiasTable {
 public:
  explicit PositionBiasTable(const graph::PlannedBias& planned) : planned_(planned) {}

  // Makes room for sequences of up to n tokens. Where the memory is not to be had, nothing is changed.
  void reach(std::int64_t n, const Weights& weights);

  // Distance 0 of a head. Distances -n .. n + kBeyond - 1 can be read, of the n last given to reach().
  const float* head(int index) const { return values_.data() + index * stride() + reach_; }
  std::ptrdiff_t stride() const { return stride_of(reach_); }

 private:
  static constexpr std::int64_t kBeyond = 64;  // a tile's keys are read as a whole, those beyond the sequence too

  static std::ptrdiff_t stride_of(std::int64_t reach) { return static_cast<std::ptrdiff_t>(2 * reach + kBeyond); }

  graph::PlannedBias planned_;
  std::int64_t reach_ = 0;
  std::vector<float> values_;  // [n_heads][stride]
};

}  // namespace llmagentos::runtime
