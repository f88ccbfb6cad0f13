// What the builder's methods have in common.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"

namespace llmagentos::graph {

inline void require(bool condition, const std::string& message) {
  if (!condition) throw InvalidArgument("graph: " + message);
}

inline std::string text(std::int64_t n) { return std::to_string(n); }

inline Node node_of(OpKind kind, std::vector<ValueId> inputs) {
  Node node;
  node.kind = kind;
  node.inputs = std::move(inputs);
  return node;
}

}  // namespace llmagentos::graph
