// Memory each thread owns during a run.
#pragma once

#include <vector>

#include "kernels/matmul/matmul.h"
#include "runtime/executor.h"

namespace llmagentos::runtime {

inline constexpr int kTileTokens = 64;  // tokens a thread multiplies at a time: their tile stays in its cache
inline constexpr int kPrivateRows = 2;  // up to this many input rows every thread prepares for itself

struct Executor::ThreadScratch {
  std::vector<float> columns;  // a decoded weight row (reference kernels)
  float tile[2][kTileTokens * kernels::kRowGroup];
  // The prepared input, where each thread makes its own.
  std::vector<float> normed, panels;
  std::vector<std::int8_t> quants;
  std::vector<kernels::BlockMeta> meta;
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
