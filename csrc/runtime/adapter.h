// Low-rank updates of linear layers (LoRA; Hu et al., 2021), chosen per sequence of a batch: y += b (a x), in float32.
//
// The weights themselves stay as they are, so sequences with different adapters, and with none, share a batch. Each
// element of a x and of b (a x) is reduced in an order that depends on its own row only, like any other product.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "graph/plan.h"
#include "kernels/registry.h"
#include "runtime/weights.h"

namespace llmagentos::runtime {

// The factors of one weight [rows, cols] as they are given: a [rank, cols] and b [b_rows, b_rank], with the adapter's
// scale inside b.
struct LowRankSource {
  std::string weight;
  const float* a = nullptr;
  std::int64_t rank = 0, cols = 0;
  const float* b = nullptr;
  std::int64_t rows = 0, b_rank = 0;
};

// The same, packed for the kernels.
struct LowRank {
  PackedMatrix a, b;

  std::int64_t rank() const { return a.rows; }
};

class Adapter {
 public:
  // Copies what the sources point to. Throws UnsupportedModelError for a weight that no linear layer of the plan has,
  // InvalidArgument for factors that fit neither it nor one another.
  Adapter(const graph::Plan& plan, const kernels::KernelSet& kernels, std::span<const LowRankSource> sources);

  // Null for a weight that stays as it is.
  const LowRank* of(graph::WeightId weight) const {
    const auto found = factors_.find(weight);
    return found == factors_.end() ? nullptr : &found->second;
  }
  bool updates(const graph::LinearStep& step) const;
  std::int64_t max_rank() const { return max_rank_; }
  std::size_t n_bytes() const { return packed_.size(); }

 private:
  AlignedBuffer packed_;
  std::map<graph::WeightId, LowRank> factors_;
  std::int64_t max_rank_ = 0;
};

// Which of a batch's rows have which adapter, in panels: up to kPanel rows of one adapter, within one tile of rows.
struct AdapterRows {
  struct Panel {
    const Adapter* adapter;
    std::int32_t begin;  // into `rows`
    int n;
  };
  std::vector<std::int32_t> rows;   // those of one panel after those of another
  std::vector<Panel> panels;        // those of one tile after those of another
  std::vector<std::size_t> begins;  // [n_tiles + 1]: a tile's panels

  // Of each row its adapter, or null.
  void group(std::span<const Adapter* const> adapters, std::size_t tile_rows);

  bool empty() const { return panels.empty(); }
  std::span<const Panel> of_tile(std::int64_t tile) const {
    const auto t = static_cast<std::size_t>(tile);
    return {panels.data() + begins[t], begins[t + 1] - begins[t]};
  }
};

}  // namespace llmagentos::runtime
