// A model as a list of ops over values of shape [rows, width]. Rows are the tokens of a ragged batch, or after
// select_rows those whose logits are wanted. Built once by python/llmagentos/models, checked as it is built.
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

enum class OpKind { embed, linear, rms_norm, rope, attention, glu, add, scale, softcap, select_rows };

struct RopeParams {
  float base = 10000.0f;
  float position_scale = 1.0f;  // positions are multiplied by this (linear scaling)
  int n_dims = 0;               // leading elements of each head that rotate
  kernels::RopePairs pairs = kernels::RopePairs::halves;
  bool operator==(const RopeParams&) const = default;
};

struct AttentionParams {
  int layer = 0;  // which part of the KV cache
  int n_heads = 0, n_kv_heads = 0, head_dim = 0;
  float scale = 1.0f;    // of the scores
  float softcap = 0.0f;  // 0: none
  int window = 0;        // 0: all earlier keys; else keys at distance < window
};

struct Node {
  OpKind kind;
  std::vector<ValueId> inputs;
  ValueId output;
  WeightId weight = -1;  // embed, linear, rms_norm
  int head_dim = 0;      // rms_norm, rope: they act on each slice of this many elements
  float eps = 0;         // rms_norm
  float factor = 0;      // scale, softcap
  kernels::ActivationKind activation = kernels::ActivationKind::silu;  // glu
  RopeParams rope = {};
  AttentionParams attention = {};
};

struct WeightSpec {
  std::string name;
  std::int64_t rows, cols;  // a vector is one row
  bool is_vector;
};

struct Value {
  std::int64_t width;
  bool selected;  // rows are the selected ones
};

// Every method that adds a node throws InvalidArgument when shapes do not fit, naming the op and both shapes.
class Graph {
 public:
  // weight [vocab, width]: row token_id for each token.
  ValueId embed(const std::string& weight, std::int64_t vocab, std::int64_t width);
  // weight [out_width, in_width]: x times its transpose.
  ValueId linear(ValueId x, const std::string& weight, std::int64_t out_width);
  // weight [head_dim], or [width] with head_dim 0 (the whole row is one slice).
  ValueId rms_norm(ValueId x, const std::string& weight, float eps, int head_dim = 0);
  ValueId rope(ValueId x, int head_dim, const RopeParams& params);
  // q [n_heads * head_dim], k and v [n_kv_heads * head_dim] -> [n_heads * head_dim]; stores k and v in the cache.
  ValueId attention(ValueId q, ValueId k, ValueId v, const AttentionParams& params);
  ValueId glu(ValueId gate, ValueId up, kernels::ActivationKind activation);
  ValueId add(ValueId a, ValueId b);
  ValueId scale(ValueId x, float factor);
  ValueId softcap(ValueId x, float cap);
  ValueId select_rows(ValueId x);
  void set_output(ValueId logits);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<WeightSpec>& weights() const { return weights_; }
  ValueId output() const { return output_; }

 private:
  const Value& value(ValueId id, const char* op) const;
  WeightId weight(const std::string& name, std::int64_t rows, std::int64_t cols, bool is_vector = false);
  ValueId push(Node node, std::int64_t width, bool selected);

  std::vector<Node> nodes_;
  std::vector<Value> values_;
  std::vector<WeightSpec> weights_;
  std::unordered_map<std::string, WeightId> weight_ids_;
  ValueId output_ = -1;
};

}  // namespace llmagentos::graph
