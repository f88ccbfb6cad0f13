#include "graph/graph.h"

#include <algorithm>

#include "graph/checks.h"
#include "kernels/attention/attention.h"

namespace llmagentos::graph {
namespace {

std::string shown(const WeightSpec& weight) {
  std::string shape;
  for (const std::int64_t n : weight.shape()) shape += (shape.empty() ? "" : ", ") + text(n);
  return (weight.is_vector ? "vector [" : "matrix [") + shape + "]";
}

}  // namespace

std::vector<std::int64_t> WeightSpec::shape() const {
  std::vector<std::int64_t> all;
  if (n_experts > 0) all.push_back(n_experts);
  if (!is_vector) all.push_back(rows);
  all.push_back(cols);
  return all;
}

const Value& Graph::value(ValueId id, const char* op) const {
  require(id >= 0 && id < static_cast<ValueId>(values_.size()), std::string(op) + ": no value " + text(id));
  require(value_in_encoder_[static_cast<std::size_t>(id)] == in_encoder_,
          std::string(op) + ": value " + text(id) + " belongs to the other half of the model");
  return values_[static_cast<std::size_t>(id)];
}

WeightId Graph::weight(WeightSpec spec) {
  const auto [found, is_new] = weight_ids_.try_emplace(spec.name, static_cast<WeightId>(weights_.size()));
  if (is_new) {
    weights_.push_back(std::move(spec));
    return found->second;
  }
  const WeightSpec& seen = weights_[static_cast<std::size_t>(found->second)];
  require(seen == spec, "weight " + spec.name + " is used as " + shown(spec) + " and as " + shown(seen));
  return found->second;
}

WeightId Graph::matrix(const std::string& name, std::int64_t rows, std::int64_t cols, std::int64_t n_experts) {
  // Keeps every size in bytes within 64 bits.
  constexpr double kMaxElements = 1e15;
  require(static_cast<double>(rows) * static_cast<double>(cols) *
                  static_cast<double>(std::max<std::int64_t>(n_experts, 1)) <
              kMaxElements,
          "weight " + name + " is too large: " + shown(WeightSpec{name, rows, cols, false, n_experts}));
  return weight({name, rows, cols, false, n_experts});
}

WeightId Graph::vector(const std::string& name, std::int64_t size, std::int64_t n_experts) {
  return name.empty() ? kNone : weight({name, 1, size, true, n_experts});
}

ValueId Graph::push(Node node, std::int64_t width, bool selected) {
  values_.push_back({width, selected});
  value_in_encoder_.push_back(in_encoder_);
  node.output = static_cast<ValueId>(values_.size() - 1);
  node.is_encoder = in_encoder_;
  nodes_.push_back(std::move(node));
  return nodes_.back().output;
}

ValueId Graph::embed(const std::string& name, std::int64_t n_rows, std::int64_t width, EmbedBy by, int offset,
                     bool others_first) {
  require(n_rows > 0 && width > 0,
          "embed " + name + ": " + text(n_rows) + " rows and width " + text(width) + " must be positive");
  require(offset >= 0 && offset < n_rows, "embed " + name + ": offset " + text(offset) + " is not a row");
  Node node = node_of(OpKind::embed, {});
  node.weight = matrix(name, n_rows, width);
  node.by = by;
  node.offset = offset;
  node.others_first = others_first;
  return push(std::move(node), width, false);
}

ValueId Graph::linear(ValueId x, const std::string& name, std::int64_t out_width, const std::string& bias) {
  const Value in = value(x, "linear");
  require(out_width > 0, "linear " + name + ": output width " + text(out_width) + " must be positive");
  Node node = node_of(OpKind::linear, {x});
  node.weight = matrix(name, out_width, in.width);
  node.bias = vector(bias, out_width);
  return push(std::move(node), out_width, in.selected);
}

ValueId Graph::norm(ValueId x, NormKind kind, const std::string& name, const std::string& bias, float eps,
                    int head_dim) {
  const Value in = value(x, "norm");
  const std::int64_t slice = head_dim == 0 ? in.width : head_dim;
  require(slice > 0 && in.width % slice == 0,
          "norm " + name + ": width " + text(in.width) + " is not a multiple of " + text(slice));
  Node node = node_of(OpKind::norm, {x});
  node.norm = kind;
  node.weight = vector(name, slice);
  node.bias = vector(bias, slice);
  node.head_dim = static_cast<int>(slice);
  node.eps = eps;
  return push(std::move(node), in.width, in.selected);
}

ValueId Graph::rms_norm(ValueId x, const std::string& name, float eps, int head_dim) {
  return norm(x, NormKind::rms, name, "", eps, head_dim);
}

ValueId Graph::layer_norm(ValueId x, const std::string& name, const std::string& bias, float eps, int head_dim) {
  return norm(x, NormKind::layer, name, bias, eps, head_dim);
}

ValueId Graph::rope(ValueId x, int head_dim, const RopeParams& params) {
  const Value in = value(x, "rope");
  require(head_dim > 0 && in.width % head_dim == 0,
          "rope: width " + text(in.width) + " is not a multiple of the head size " + text(head_dim));
  require(params.n_dims() > 0 && params.n_dims() <= head_dim,
          "rope: " + text(params.n_dims()) + " rotated elements must be in 2.." + text(head_dim) + ", the head size");
  require(params.first >= 0 && params.first <= head_dim - params.n_dims(),
          "rope: a head of " + text(head_dim) + " has no " + text(params.n_dims()) + " elements from " +
              text(params.first) + " on");
  require(!in.selected, "rope: selected rows have no positions");
  Node node = node_of(OpKind::rope, {x});
  node.head_dim = head_dim;
  node.rope = params;
  return push(std::move(node), in.width, in.selected);
}

WeightId Graph::attention_sinks(const std::string& name, int n_heads) { return vector(name, n_heads); }

WeightId Graph::bias_table(const std::string& name, int n_buckets, int n_heads) {
  require(n_buckets > 0 && n_heads > 0, "attention: the table of position biases must not be empty");
  return matrix(name, n_buckets, n_heads);
}

void Graph::check_keys(ValueId k, ValueId v, const AttentionParams& p, const char* op) const {
  require(p.n_kv_heads > 0, std::string(op) + ": there must be KV heads");
  require(p.head_dim > 0 && p.head_dim <= kernels::kMaxHeadDim,
          std::string(op) + ": head size " + text(p.head_dim) + " is not in 1.." + text(kernels::kMaxHeadDim));
  require(p.layer >= 0 && p.window >= 0 && p.chunk >= 0,
          std::string(op) + ": layer, window and chunk must not be negative");
  const std::int64_t kv_width = static_cast<std::int64_t>(p.n_kv_heads) * p.head_dim;
  for (const ValueId id : {k, v}) {
    require(value(id, op).width == kv_width, std::string(op) + ": k or v is " + text(value(id, op).width) +
                                                 " wide, the KV heads need " + text(kv_width));
    require(!value(id, op).selected, std::string(op) + ": inputs must hold all rows");
  }
}

bool Graph::has_stored(const AttentionParams& p) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&p](const Node& node) {
    const AttentionParams& other = node.attention;
    return node.kind == OpKind::attention && node.inputs.size() == 3 && other.layer == p.layer &&
           other.keys == Keys::earlier && other.n_kv_heads == p.n_kv_heads && other.head_dim == p.head_dim;
  });
}

void Graph::check_queries(ValueId q, const AttentionParams& p, const char* op) const {
  require(p.n_heads > 0 && p.n_kv_heads > 0 && p.n_heads % p.n_kv_heads == 0,
          std::string(op) + ": " + text(p.n_heads) + " heads cannot share " + text(p.n_kv_heads) + " KV heads evenly");
  const std::int64_t q_width = static_cast<std::int64_t>(p.n_heads) * p.head_dim;
  require(value(q, op).width == q_width,
          std::string(op) + ": q is " + text(value(q, op).width) + " wide, the heads need " + text(q_width));
  require(!value(q, op).selected, std::string(op) + ": inputs must hold all rows");
  require(p.bias.slopes.empty() || static_cast<int>(p.bias.slopes.size()) == p.n_heads,
          std::string(op) + ": " + text(static_cast<std::int64_t>(p.bias.slopes.size())) + " slopes for " +
              text(p.n_heads) + " heads");
  // Half of a direction's buckets are exact, and logarithms of the distance are taken to the first that is not.
  const int n_exact = p.bias.n_buckets / (p.bias.is_bidirectional ? 4 : 2);
  require(p.bias.table == kNone || n_exact > 0,
          std::string(op) + ": " + text(p.bias.n_buckets) + " buckets are too few, " +
              (p.bias.is_bidirectional ? "two directions need 4" : "at least 2 are needed"));
  require(p.bias.table == kNone || p.bias.max_distance > n_exact, std::string(op) + ": distances up to " +
                                                                      text(p.bias.max_distance) + " do not fill " +
                                                                      text(p.bias.n_buckets) + " buckets");
}

ValueId Graph::attention(ValueId q, ValueId k, ValueId v, const AttentionParams& p) {
  check_queries(q, p, "attention");
  const bool is_shared = k == kNone && v == kNone;
  if (!is_shared) check_keys(k, v, p, "attention");
  require(!is_shared || (p.keys == Keys::earlier && has_stored(p)),
          "attention: nothing before it stores keys of " + text(p.n_kv_heads) + " heads of " + text(p.head_dim) +
              " elements in layer " + text(p.layer));
  require(p.keys != Keys::cross, "attention: cross_attention is an op of its own");
  require(p.chunk == 0 || p.keys == Keys::earlier, "attention: only what sees earlier tokens can be cut into chunks");
  Node node = is_shared ? node_of(OpKind::attention, {q}) : node_of(OpKind::attention, {q, k, v});
  node.attention = p;
  return push(std::move(node), static_cast<std::int64_t>(p.n_heads) * p.head_dim, false);
}

ValueId Graph::cross_attention(ValueId q, const AttentionParams& p) {
  check_queries(q, p, "cross_attention");
  require(!in_encoder_, "cross_attention: an encoder has nothing to look at");
  require(p.window == 0 && p.chunk == 0 && p.bias.empty(), "cross_attention: its keys have no position");
  Node node = node_of(OpKind::attention, {q});
  node.attention = p;
  node.attention.keys = Keys::cross;
  return push(std::move(node), static_cast<std::int64_t>(p.n_heads) * p.head_dim, false);
}

void Graph::store_cross(ValueId k, ValueId v, const AttentionParams& p) {
  check_keys(k, v, p, "store_cross");
  require(in_encoder_, "store_cross: it is what an encoder ends with");
  Node node = node_of(OpKind::store_cross, {k, v});
  node.attention = p;
  node.is_encoder = true;
  nodes_.push_back(std::move(node));
}

void Graph::check_routing(const Routing& r, ValueId logits) const {
  require(value(logits, "moe").width == r.n_experts,
          "moe: " + text(value(logits, "moe").width) + " router logits for " + text(r.n_experts) + " experts");
  require(r.n_used > 0 && r.n_used <= r.n_experts,
          "moe: a token cannot go to " + text(r.n_used) + " of " + text(r.n_experts) + " experts");
  require(r.n_groups > 0 && r.n_experts % r.n_groups == 0,
          "moe: " + text(r.n_experts) + " experts cannot form " + text(r.n_groups) + " groups evenly");
  require(
      r.n_groups_used > 0 && r.n_groups_used <= r.n_groups && r.n_used <= r.n_groups_used * (r.n_experts / r.n_groups),
      "moe: " + text(r.n_used) + " experts cannot come from " + text(r.n_groups_used) + " of " + text(r.n_groups) +
          " groups");
  require(r.n_group_scores == 1 || r.n_group_scores == 2,
          "moe: a group is measured by its best score or two, not by " + text(r.n_group_scores));
}

ValueId Graph::moe(ValueId x, ValueId logits, const MoeNames& names, MoeParams p) {
  const Value in = value(x, "moe");
  check_routing(p.routing, logits);
  require(value(logits, "moe").selected == in.selected, "moe: its inputs have different rows");
  require(p.hidden > 0, "moe: the experts' width " + text(p.hidden) + " must be positive");
  require(p.limit >= 0, "moe: the limit must not be negative");
  const std::int64_t n = p.routing.n_experts;
  p.gate = matrix(names.gate, p.hidden, in.width, n);
  p.up = matrix(names.up, p.hidden, in.width, n);
  p.down = matrix(names.down, in.width, p.hidden, n);
  p.gate_bias = vector(names.gate_bias, p.hidden, n);
  p.up_bias = vector(names.up_bias, p.hidden, n);
  p.down_bias = vector(names.down_bias, in.width, n);
  p.routing.selection_bias = vector(names.selection_bias, n);
  Node node = node_of(OpKind::moe, {x, logits});
  node.moe = p;
  return push(std::move(node), in.width, in.selected);
}

void Graph::set_output(ValueId logits) {
  require(value(logits, "output").selected, "output: its rows must be selected (select_rows)");
  output_ = logits;
}

}  // namespace llmagentos::graph
