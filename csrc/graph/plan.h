// The compiled graph: nodes fused into steps with a barrier after each, and values placed in one arena.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "graph/graph.h"

namespace llmagentos::graph {

struct NormRef {
  NormKind kind;
  WeightId weight;
  WeightId bias;
  float eps;
};

// The rows that a step reads, normalised as a whole where it has a norm.
struct RowInput {
  ValueId value;
  std::optional<NormRef> norm = {};
};

struct Product {
  WeightId weight;
  WeightId bias;
  ValueId output;
  std::optional<kernels::ActivationKind> activation;  // of the product and its bias
};

// Products of one input with one or more weights; the input is normalised and quantised once for all of them.
struct LinearStep {
  RowInput input;
  std::vector<Product> products;
  std::optional<kernels::ActivationKind> glu;  // then there are two products, gate and up, and one `output`
  ValueId residual = kNone;                    // then there is one product, added to this value
  ValueId output = kNone;                      // of glu or residual; otherwise products name theirs
};

// Per-head norm and rotation of q and k, the cache write, and the attention itself. Without k and v it reads what an
// encoder, or an attention before it, has stored; without q and output it is the encoder that stores.
struct AttentionStep {
  ValueId q, k, v, output;
  AttentionParams params;
  std::optional<NormRef> q_norm = {}, k_norm = {};
  int q_rope = kNone, k_rope = kNone;  // index into Plan::ropes
  int bias = kNone;                    // index into Plan::biases
};

// A token's experts chosen, and the sum of what they make of it.
struct MoeStep {
  RowInput input;
  ValueId logits, output;
  MoeParams params;
  ValueId residual = kNone;  // then it is added to this value
};

// One op over rows.
struct RowStep {
  enum class Kind {
    embed,
    norm,
    rope,
    activation,
    glu,
    add,
    norm_add,
    scale,
    scale_rows,
    scale_by_position,
    scale_columns,
    slice_heads,
    mix,
    match_rms,
    excess,
    softcap,
    clamp,
    select_rows,
    mean_rows
  } kind;
  std::vector<ValueId> inputs;  // norm_add: residual, then what is normalised and added to it; scale_rows: rows,
                                // factors; slice_heads: heads and, if any, tail; match_rms: x, like; mix: as Mix says
  ValueId output;
  WeightId weight = kNone;           // embed, scale_columns
  EmbedBy by = EmbedBy::token;       // embed
  int offset = 0;                    // embed, scale_by_position
  bool others_first = false;         // embed: an index without a row takes the first
  std::optional<NormRef> norm = {};  // norm, norm_add
  int head_dim = 0;                  // norm, rope: of a slice
  float factor = 1;        // scale, softcap, clamp, scale_by_position, match_rms, excess; embed: a scale on the row
  int period = 0;          // scale_by_position
  HeadSlices slices = {};  // slice_heads
  Mix mix = {};
  kernels::ActivationKind activation = kernels::ActivationKind::silu;
  int rope = kNone;
};

RowStep::Kind row_kind(OpKind kind);  // row_ops.cpp

using Step = std::variant<LinearStep, AttentionStep, MoeStep, RowStep>;

struct PlannedBias {
  PositionBias bias;
  int n_heads;
  bool operator==(const PlannedBias&) const = default;
};

struct Plan {
  std::vector<Step> steps;
  std::vector<Step> encoder_steps;  // of an encoder-decoder model
  std::vector<WeightSpec> weights;
  std::vector<Value> values;
  std::vector<RopeParams> ropes;
  std::vector<PlannedBias> biases;
  // Where each value lies in an arena of arena_width floats per row, or -1 for one that no step writes (it was fused
  // away). Values whose lives do not overlap share room. The output has a buffer of its own.
  std::vector<std::int64_t> offsets;
  std::int64_t arena_width = 0;
  ValueId output = kNone;

  // f(step) for all steps, the encoder's first.
  template <class F>
  void for_each_step(F f) const {
    for (const Step& step : encoder_steps) f(step);
    for (const Step& step : steps) f(step);
  }
};

// fuse = false keeps one step per node: the plain form that the fused one is tested against.
Plan compile(const Graph& graph, bool fuse = true);

}  // namespace llmagentos::graph
