// The compiled graph: nodes fused into steps with a barrier after each, and values placed in one arena.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "graph/graph.h"

namespace llmagentos::graph {

struct NormRef {
  WeightId weight;
  float eps;
};

// Products of one input with one or more weights; the input is normalised and quantised once for all of them.
struct LinearStep {
  ValueId input;
  std::optional<NormRef> norm;  // of the whole input row
  std::vector<std::pair<WeightId, ValueId>> products;
  std::optional<kernels::ActivationKind> glu;  // then there are two products, gate and up, and one `output`
  ValueId residual = -1;                       // then there is one product, added to this value
  ValueId output = -1;                         // of glu or residual; otherwise products name theirs
};

// Per-head norm and rotation of q and k, the cache write, and the attention itself.
struct AttentionStep {
  ValueId q, k, v, output;
  AttentionParams params;
  std::optional<NormRef> q_norm, k_norm;
  int q_rope = -1, k_rope = -1;  // index into Plan::ropes
};

// One op over rows.
struct RowStep {
  enum class Kind { embed, rms_norm, rope, glu, add, norm_add, scale, softcap, select_rows } kind;
  std::vector<ValueId> inputs;  // norm_add: residual, then what is normalised and added to it
  ValueId output;
  WeightId weight = -1;
  int head_dim = 0;
  float eps = 0;
  float factor = 1;  // embed: a scale on the row
  kernels::ActivationKind activation = kernels::ActivationKind::silu;
  int rope = -1;
};

using Step = std::variant<LinearStep, AttentionStep, RowStep>;

struct Plan {
  std::vector<Step> steps;
  std::vector<WeightSpec> weights;
  std::vector<Value> values;
  std::vector<RopeParams> ropes;
  // Where each value lies in an arena of arena_width floats per row, or -1 for one that no step writes (it was fused
  // away). Values whose lives do not overlap share room. The output has a buffer of its own.
  std::vector<std::int64_t> offsets;
  std::int64_t arena_width = 0;
  ValueId output = -1;
};

// fuse = false keeps one step per node: the plain form that the fused one is tested against.
Plan compile(const Graph& graph, bool fuse = true);

}  // namespace llmagentos::graph
