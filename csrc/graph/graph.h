// A model as a list of ops over values of shape [rows, width]. Rows are the tokens of a ragged batch, or after
// select_rows or mean_rows those whose output is wanted. Built once by python/llmagentos/models, checked as it is
// built.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/activation/activation.h"
#include "kernels/rope/rope.h"

namespace llmagentos::graph {

using ValueId = int;
using WeightId = int;
inline constexpr int kNone = -1;

enum class OpKind {
  embed,
  linear,
  norm,
  rope,
  attention,
  store_cross,
  moe,
  activation,
  glu,
  add,
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
};

// What a row of an embedding is chosen by.
enum class EmbedBy { token, position, type };

enum class NormKind { rms, layer };

// A rotation by position * inverse_frequencies[i] of 2 * inverse_frequencies.size() elements of each head, from `first`
// on.
struct RopeParams {
  std::vector<float> inverse_frequencies;
  float magnitude = 1.0f;  // of the rotated elements, against before
  kernels::RopePairs pairs = kernels::RopePairs::halves;
  int first = 0;

  int n_dims() const { return 2 * static_cast<int>(inverse_frequencies.size()); }
  bool operator==(const RopeParams&) const = default;
};

// Which keys a query sees.
enum class Keys {
  earlier,  // those of its own sequence up to itself
  all,      // all of its own sequence, which is then whole in one batch
  cross,    // all that an encoder has stored for its sequence
};

// What is added to a score by the distance from query to key. Linear in it (ALiBi; Press et al., 2022) with a slope for
// each head, or learned by buckets of distances (T5; Raffel et al., 2020) as the rows of a weight [n_buckets, n_heads].
struct PositionBias {
  std::vector<float> slopes;
  WeightId table = kNone;
  int n_buckets = 0;
  int max_distance = 0;  // from which on all distances share the last bucket
  bool is_bidirectional = false;

  bool empty() const { return slopes.empty() && table == kNone; }
  bool operator==(const PositionBias&) const = default;
};

struct AttentionParams {
  int layer = 0;  // which part of the KV cache
  int n_heads = 0, n_kv_heads = 0, head_dim = 0;
  float scale = 1.0f;    // of the scores
  float softcap = 0.0f;  // 0: none
  int window = 0;        // 0: none; else only keys at a distance less than this
  Keys keys = Keys::earlier;
  PositionBias bias = {};
  WeightId sinks = kNone;  // [n_heads]: a score per head that takes its share of the softmax and has no value
  int chunk = 0;           // 0: none; else positions come in chunks of this many: only keys of the query's own
};

// What an expert's score is made of.
enum class RouterScores { softmax, sigmoid };

// Which experts a token goes to, by its router logits, and with which weights: to those of the highest scores, where
// scores are equal to the one of the lower number.
struct Routing {
  int n_experts = 0, n_used = 0;
  RouterScores scores = RouterScores::softmax;
  bool is_normalised = true;  // the chosen scores are divided by their sum
  float scale = 1.0f;         // of the weights
  // Experts come in groups of consecutive ones. The best groups, by the sum of their best one or two scores, are chosen
  // first.
  int n_groups = 1, n_groups_used = 1, n_group_scores = 2;
  WeightId selection_bias = kNone;  // [n_experts]: added to scores for the choice, not for the weights
};

// MLPs side by side, down(activation(gate(x)) * up(x)), of which each token goes through some.
struct MoeParams {
  Routing routing = {};
  int hidden = 0;                                   // width inside an expert
  WeightId gate = kNone, up = kNone, down = kNone;  // [n_experts] of [hidden, width], down of [width, hidden]
  WeightId gate_bias = kNone, up_bias = kNone, down_bias = kNone;  // [n_experts] of vectors
  kernels::ActivationKind activation = kernels::ActivationKind::silu;
  float limit = 0.0f;          // 0: none; else the gate is at most this, and the up product within -limit..limit
  float up_shift = 0.0f;       // added to the up product
  bool weighs_inputs = false;  // a token's weights are those of what its experts read, not of what they make of it
};

// Weights of an op that reads them by name; an empty name of a bias stands for none.
struct MoeNames {
  std::string gate, up, down, gate_bias = "", up_bias = "", down_bias = "", selection_bias = "";
};

// A part of each head of a value, put together to new heads: elements [first, first + n), then those of a tail that all
// heads share, then zeros up to `size`.
struct HeadSlices {
  int n_heads = 0, first = 0, n = 0, size = 0;
};

// Sums of the parts of a row: each element of the factors is a constant plus, where the op has them, a coefficient that
// is computed for the row.
struct Mix {
  int n_in = 1;                  // parts of a row
  std::vector<float> constants;  // [n_out][n_in], or none: zeros
  bool has_coefficients = false, has_base = false;
};

struct Node {
  OpKind kind = OpKind::embed;
  std::vector<ValueId> inputs;
  ValueId output = kNone;   // none: store_cross
  WeightId weight = kNone;  // embed, linear, norm, scale_columns; none: of a norm that only normalises
  WeightId bias = kNone;    // linear, norm
  int head_dim = 0;         // norm, rope: they act on each slice of this many elements
  float eps = 0;            // norm
  NormKind norm = NormKind::rms;
  float factor = 0;        // scale, softcap; clamp: to -factor..factor; scale_by_position: slope; match_rms: least;
                           // excess: deviations
  int period = 0;          // scale_by_position
  HeadSlices slices = {};  // slice_heads
  Mix mix = {};            // its inputs: x, coefficients and base, as far as they are there
  EmbedBy by = EmbedBy::token;
  bool others_first = false;                                           // embed
  int offset = 0;                                                      // embed, scale_by_position: added to the index
  kernels::ActivationKind activation = kernels::ActivationKind::silu;  // activation, glu
  RopeParams rope = {};
  AttentionParams attention = {};  // attention, store_cross
  MoeParams moe = {};
  bool is_encoder = false;
};

struct WeightSpec {
  std::string name;
  std::int64_t rows, cols;  // a vector is one row
  bool is_vector;
  std::int64_t n_experts = 0;  // as many of them in one tensor; 0: it is a single one

  std::vector<std::int64_t> shape() const;
  bool operator==(const WeightSpec&) const = default;
};

struct Value {
  std::int64_t width;
  bool selected;  // rows are the selected ones
};

// Every method that adds a node throws InvalidArgument when shapes do not fit, naming the op and both shapes. An empty
// name of a bias stands for none.
class Graph {
 public:
  // Nodes that follow belong to the encoder of an encoder-decoder model, or again to the model itself. Values do not
  // cross from one to the other: the encoder leaves its result in the KV cache.
  void begin_encoder() { in_encoder_ = true; }
  void begin_decoder() { in_encoder_ = false; }

  // weight [n_rows, width]: row index + offset for each token, where the index is its id, its position or its type.
  // With `others_first` an index that has no row takes the first one; otherwise a batch with one is refused.
  ValueId embed(const std::string& weight, std::int64_t n_rows, std::int64_t width, EmbedBy by = EmbedBy::token,
                int offset = 0, bool others_first = false);
  // weight [out_width, in_width], bias [out_width]: x times the weight's transpose, plus bias.
  ValueId linear(ValueId x, const std::string& weight, std::int64_t out_width, const std::string& bias = "");
  // weight and bias [head_dim], or [width] with head_dim 0 (the whole row is one slice). An empty name: no weight.
  ValueId rms_norm(ValueId x, const std::string& weight, float eps, int head_dim = 0);
  ValueId layer_norm(ValueId x, const std::string& weight, const std::string& bias, float eps, int head_dim = 0);
  ValueId rope(ValueId x, int head_dim, const RopeParams& params);
  // A vector [n_heads] for AttentionParams::sinks, a table [n_buckets, n_heads] for PositionBias::table.
  WeightId attention_sinks(const std::string& weight, int n_heads);
  WeightId bias_table(const std::string& weight, int n_buckets, int n_heads);
  // q [n_heads * head_dim], k and v [n_kv_heads * head_dim] -> [n_heads * head_dim]; stores k and v in the cache. Both
  // kNone: over what an attention before it has stored in the same layer.
  ValueId attention(ValueId q, ValueId k, ValueId v, const AttentionParams& params);
  // The same over what store_cross() has left in the same layer of the sequence's cross blocks.
  ValueId cross_attention(ValueId q, const AttentionParams& params);
  // In an encoder: leaves a layer's k and v [n_kv_heads * head_dim] in the batch's blocks, for cross_attention().
  void store_cross(ValueId k, ValueId v, const AttentionParams& params);
  // x [width] and the router's logits [n_experts] -> [width]: the sum over a token's experts, each times its weight.
  // The weights' ids in `params` are filled in from `names`.
  ValueId moe(ValueId x, ValueId logits, const MoeNames& names, MoeParams params);
  ValueId activation(ValueId x, kernels::ActivationKind kind);
  ValueId glu(ValueId gate, ValueId up, kernels::ActivationKind kind);
  ValueId add(ValueId a, ValueId b);
  ValueId scale(ValueId x, float factor);
  // Each row of x times the one element of the same row of `factors`.
  ValueId scale_rows(ValueId x, ValueId factors);
  // Each row times a vector [width].
  ValueId scale_columns(ValueId x, const std::string& weight);
  // Times 1 + slope * log(1 + floor((position + first) / period)); `first` is 0 or 1.
  ValueId scale_by_position(ValueId x, int period, float slope, int first = 1);
  // x [slices.n_heads * any], tail [any] or kNone -> [slices.n_heads * slices.size].
  ValueId slice_heads(ValueId x, const HeadSlices& slices, ValueId tail = kNone);
  // x [n_in * width] -> [n_out * width]: part o is that of base [n_out * width], if any, plus the sum over the parts p
  // of x, each times coefficients[o * n_in + p] + constants[o * n_in + p]. Of coefficients and constants [n_out * n_in]
  // either may be missing (kNone, empty).
  ValueId mix(ValueId x, int n_in, const std::vector<float>& constants, ValueId coefficients = kNone,
              ValueId base = kNone);
  // x scaled to the root mean square of `like`; a mean square of x below `least` counts as that.
  ValueId match_rms(ValueId x, ValueId like, float least);
  // What exceeds the row's mean by more than so many of its standard deviations: by how much; 0 elsewhere.
  ValueId excess(ValueId x, float deviations);
  ValueId softcap(ValueId x, float cap);
  ValueId clamp(ValueId x, float limit);
  // The rows the batch asks for; or for each of them the mean over all rows of its sequence.
  ValueId select_rows(ValueId x);
  ValueId mean_rows(ValueId x);
  void set_output(ValueId logits);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<WeightSpec>& weights() const { return weights_; }
  ValueId output() const { return output_; }

 private:
  const Value& value(ValueId id, const char* op) const;
  WeightId weight(WeightSpec spec);
  WeightId matrix(const std::string& name, std::int64_t rows, std::int64_t cols, std::int64_t n_experts = 0);
  WeightId vector(const std::string& name, std::int64_t size, std::int64_t n_experts = 0);
  ValueId norm(ValueId x, NormKind kind, const std::string& weight, const std::string& bias, float eps, int head_dim);
  ValueId same_shape(OpKind kind, ValueId x, const char* op, float factor);
  ValueId selected(OpKind kind, ValueId x, const char* op);
  bool has_stored(const AttentionParams& params) const;
  void check_keys(ValueId k, ValueId v, const AttentionParams& params, const char* op) const;
  void check_routing(const Routing& routing, ValueId logits) const;
  void check_queries(ValueId q, const AttentionParams& params, const char* op) const;
  ValueId push(Node node, std::int64_t width, bool selected);

  std::vector<Node> nodes_;
  std::vector<Value> values_;
  std::vector<bool> value_in_encoder_;
  std::vector<WeightSpec> weights_;
  std::unordered_map<std::string, WeightId> weight_ids_;
  ValueId output_ = kNone;
  bool in_encoder_ = false;
};

}  // namespace llmagentos::graph
