// Memory each thread owns during a run.
#pragma once

#include <vector>

#include "kernels/matmul/matmul.h"
#include "runtime/executor.h"
#include "runtime/expert_routing.h"

namespace llmagentos::runtime {

inline constexpr int kTileTokens = 256;  // tokens a thread multiplies at a time: their tile stays in its cache
inline constexpr int kPrivateRows = 2;   // up to this many input rows every thread prepares for itself

// Where the forms of a step's input rows are that its products ask for; each begins with the same row. Null: not
// wanted.
struct Executor::PreparedRows {
  float* normed = nullptr;  // where the step normalises
  float* panels = nullptr;
  std::int8_t* quants = nullptr;
  kernels::BlockMeta* meta = nullptr;

  bool empty() const { return !normed && !panels && !quants; }
};

struct Executor::ThreadScratch {
  std::vector<float> columns;  // what products unpack
  float tile[2][kTileTokens * kernels::kMaxGroups * kernels::kRowGroup];
  // The prepared input, where each thread makes its own.
  std::vector<float> normed, panels;
  std::vector<std::int8_t> quants;
  std::vector<kernels::BlockMeta> meta;
  std::vector<float> adapter_panel;
  // The batch's rows by expert, which every thread finds for itself; of few rows also each token's experts, and panels.
  Router router;
  ExpertRows expert_rows;
  std::vector<std::int32_t> experts;
  std::vector<float> expert_weights, expert_panels, gathered;
  std::vector<float> attention, values, maxima, sums;
  // Query heads prepared for one KV head of one token in one step.
  struct QueryKey {
    const void* step;
    std::int64_t token;
    int kv_head;
    bool operator==(const QueryKey&) const = default;
  };
  QueryKey query_key{};
  std::vector<float> query;
};

}  // namespace llmagentos::runtime
