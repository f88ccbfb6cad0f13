#include "graph/graph.h"

#include "base/error.h"
#include "kernels/attention/attention.h"

namespace llmagentos::graph {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw InvalidArgument("graph: " + message);
}

std::string text(std::int64_t n) { return std::to_string(n); }

}  // namespace

const Value& Graph::value(ValueId id, const char* op) const {
  require(id >= 0 && id < static_cast<ValueId>(values_.size()), std::string(op) + ": no value " + text(id));
  return values_[static_cast<std::size_t>(id)];
}

WeightId Graph::weight(const std::string& name, std::int64_t rows, std::int64_t cols, bool is_vector) {
  const auto [found, is_new] = weight_ids_.try_emplace(name, static_cast<WeightId>(weights_.size()));
  if (is_new) {
    weights_.push_back({name, rows, cols, is_vector});
    return found->second;
  }
  const WeightSpec& seen = weights_[static_cast<std::size_t>(found->second)];
  require(seen.rows == rows && seen.cols == cols && seen.is_vector == is_vector,
          "weight " + name + " is used as " + (is_vector ? "vector [" : "matrix [") + text(rows) + ", " + text(cols) +
              "] and as " + (seen.is_vector ? "vector [" : "matrix [") + text(seen.rows) + ", " + text(seen.cols) +
              "]");
  return found->second;
}

ValueId Graph::push(Node node, std::int64_t width, bool selected) {
  values_.push_back({width, selected});
  node.output = static_cast<ValueId>(values_.size() - 1);
  nodes_.push_back(std::move(node));
  return nodes_.back().output;
}

ValueId Graph::embed(const std::string& name, std::int64_t vocab, std::int64_t width) {
  require(vocab > 0 && width > 0,
          "embed: vocabulary " + text(vocab) + " and width " + text(width) + " must be positive");
  Node node{OpKind::embed, {}, -1};
  node.weight = weight(name, vocab, width);
  return push(std::move(node), width, false);
}

ValueId Graph::linear(ValueId x, const std::string& name, std::int64_t out_width) {
  const Value in = value(x, "linear");
  require(out_width > 0, "linear " + name + ": output width " + text(out_width) + " must be positive");
  Node node{OpKind::linear, {x}, -1};
  node.weight = weight(name, out_width, in.width);
  return push(std::move(node), out_width, in.selected);
}

ValueId Graph::rms_norm(ValueId x, const std::string& name, float eps, int head_dim) {
  const Value in = value(x, "rms_norm");
  const std::int64_t slice = head_dim == 0 ? in.width : head_dim;
  require(slice > 0 && in.width % slice == 0,
          "rms_norm " + name + ": width " + text(in.width) + " is not a multiple of " + text(slice));
  Node node{OpKind::rms_norm, {x}, -1};
  node.weight = weight(name, 1, slice, true);
  node.head_dim = static_cast<int>(slice);
  node.eps = eps;
  return push(std::move(node), in.width, in.selected);
}

ValueId Graph::rope(ValueId x, int head_dim, const RopeParams& params) {
  const Value in = value(x, "rope");
  require(head_dim > 0 && in.width % head_dim == 0,
          "rope: width " + text(in.width) + " is not a multiple of the head size " + text(head_dim));
  require(
      params.n_dims > 0 && params.n_dims % 2 == 0 && params.n_dims <= head_dim,
      "rope: " + text(params.n_dims) + " rotated elements must be even and at most the head size " + text(head_dim));
  require(params.base > 0, "rope: the base must be positive");
  require(!in.selected, "rope: selected rows have no positions");
  Node node{OpKind::rope, {x}, -1};
  node.head_dim = head_dim;
  node.rope = params;
  return push(std::move(node), in.width, in.selected);
}

ValueId Graph::attention(ValueId q, ValueId k, ValueId v, const AttentionParams& p) {
  require(p.n_heads > 0 && p.n_kv_heads > 0 && p.n_heads % p.n_kv_heads == 0,
          "attention: " + text(p.n_heads) + " heads cannot share " + text(p.n_kv_heads) + " KV heads evenly");
  require(p.head_dim > 0 && p.head_dim <= kernels::kMaxHeadDim,
          "attention: head size " + text(p.head_dim) + " is not in 1.." + text(kernels::kMaxHeadDim));
  require(p.layer >= 0 && p.window >= 0, "attention: layer and window must not be negative");
  const std::int64_t q_width = static_cast<std::int64_t>(p.n_heads) * p.head_dim;
  const std::int64_t kv_width = static_cast<std::int64_t>(p.n_kv_heads) * p.head_dim;
  require(value(q, "attention").width == q_width,
          "attention: q is " + text(value(q, "attention").width) + " wide, the heads need " + text(q_width));
  for (const ValueId id : {k, v})
    require(value(id, "attention").width == kv_width, "attention: k or v is " + text(value(id, "attention").width) +
                                                          " wide, the KV heads need " + text(kv_width));
  for (const ValueId id : {q, k, v}) require(!value(id, "attention").selected, "attention: inputs must hold all rows");
  Node node{OpKind::attention, {q, k, v}, -1};
  node.attention = p;
  return push(std::move(node), q_width, false);
}

ValueId Graph::glu(ValueId gate, ValueId up, kernels::ActivationKind activation) {
  const Value a = value(gate, "glu"), b = value(up, "glu");
  require(a.width == b.width && a.selected == b.selected, "glu: widths " + text(a.width) + " and " + text(b.width));
  Node node{OpKind::glu, {gate, up}, -1};
  node.activation = activation;
  return push(std::move(node), a.width, a.selected);
}

ValueId Graph::add(ValueId a, ValueId b) {
  const Value x = value(a, "add"), y = value(b, "add");
  require(x.width == y.width && x.selected == y.selected, "add: widths " + text(x.width) + " and " + text(y.width));
  return push({OpKind::add, {a, b}, -1}, x.width, x.selected);
}

ValueId Graph::scale(ValueId x, float factor) {
  const Value in = value(x, "scale");
  Node node{OpKind::scale, {x}, -1};
  node.factor = factor;
  return push(std::move(node), in.width, in.selected);
}

ValueId Graph::softcap(ValueId x, float cap) {
  const Value in = value(x, "softcap");
  require(cap > 0, "softcap: the cap must be positive");
  Node node{OpKind::softcap, {x}, -1};
  node.factor = cap;
  return push(std::move(node), in.width, in.selected);
}

ValueId Graph::select_rows(ValueId x) {
  const Value in = value(x, "select_rows");
  require(!in.selected, "select_rows: rows are selected already");
  return push({OpKind::select_rows, {x}, -1}, in.width, true);
}

void Graph::set_output(ValueId logits) {
  require(value(logits, "output").selected, "output: its rows must be selected (select_rows)");
  output_ = logits;
}

}  // namespace llmagentos::graph
