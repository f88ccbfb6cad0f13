#include <algorithm>
#include <map>

#include "base/error.h"
#include "graph/plan.h"

namespace llmagentos::graph {
namespace {

class Compiler {
 public:
  Compiler(const Graph& graph, bool fuse) : graph_(graph), nodes_(graph.nodes()), fuse_(fuse) {
    const std::size_t n = graph.values().size();
    producer_.assign(n, -1);
    consumers_.resize(n);
    for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
      if (nodes_[at(i)].output != kNone) producer_[at(nodes_[at(i)].output)] = i;
      for (const ValueId input : nodes_[at(i)].inputs) consumers_[at(input)].push_back(i);
    }
    absorbed_.assign(nodes_.size(), false);
  }

  Plan run() {
    if (graph_.output() < 0) throw InvalidArgument("graph: no output was set");
    plan_.weights = graph_.weights();
    plan_.values = graph_.values();
    plan_.output = graph_.output();
    if (fuse_)
      for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) absorb_into(i);
    for (int i = 0; i < static_cast<int>(nodes_.size()); ++i)
      if (!absorbed_[at(i)]) emit(i);
    return std::move(plan_);
  }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  const Node& node(int i) const { return nodes_[at(i)]; }

  // The only consumer of a value, or -1. The graph's output has the caller as a second one.
  int only_consumer(ValueId value) const {
    const auto& all = consumers_[at(value)];
    return all.size() == 1 && value != graph_.output() ? all[0] : -1;
  }

  // The node that makes `value`, when it is of this kind and made for its one consumer alone.
  int private_producer(ValueId value, OpKind kind) const {
    const int i = producer_[at(value)];
    return i >= 0 && node(i).kind == kind && only_consumer(value) >= 0 ? i : -1;
  }

  int rope_index(const RopeParams& params) {
    const auto found = std::find(plan_.ropes.begin(), plan_.ropes.end(), params);
    if (found != plan_.ropes.end()) return static_cast<int>(found - plan_.ropes.begin());
    plan_.ropes.push_back(params);
    return static_cast<int>(plan_.ropes.size() - 1);
  }

  // What adds to the scores; the same for all layers, as a rule.
  int bias_index(const AttentionParams& params) {
    if (params.bias.empty()) return kNone;
    const PlannedBias bias{params.bias, params.n_heads};
    const auto found = std::find(plan_.biases.begin(), plan_.biases.end(), bias);
    if (found != plan_.biases.end()) return static_cast<int>(found - plan_.biases.begin());
    plan_.biases.push_back(bias);
    return static_cast<int>(plan_.biases.size() - 1);
  }

  NormRef norm_of(int i) const { return {node(i).norm, node(i).weight, node(i).bias, node(i).eps}; }

  bool is_row_norm(int i) const {
    return node(i).kind == OpKind::norm && node(i).head_dim == graph_.values()[at(node(i).output)].width;
  }

  // Decides, before anything is emitted, which nodes node i takes into its step.
  void absorb_into(int i) {
    const Node& n = node(i);
    if (absorbed_[at(i)]) return;
    if (n.kind == OpKind::attention || n.kind == OpKind::store_cross) absorb_heads(i);
    if (n.kind == OpKind::linear) absorb_linears(i);
    if (n.kind == OpKind::moe) absorb_residual(i);
    if (n.kind == OpKind::scale) {
      const int embed = private_producer(n.inputs[0], OpKind::embed);
      if (embed >= 0) {
        scaled_by_[embed] = i;
        absorbed_[at(i)] = true;
      }
    }
  }

  AttentionStep attention_step(int i) {
    const Node& n = node(i);
    const bool has_queries = n.kind == OpKind::attention, has_keys = n.inputs.size() > 1;
    return {.q = has_queries ? n.inputs[0] : kNone,
            .k = has_keys ? n.inputs[n.inputs.size() - 2] : kNone,
            .v = has_keys ? n.inputs.back() : kNone,
            .output = n.output,
            .params = n.attention,
            .bias = bias_index(n.attention)};
  }

  void absorb_heads(int i) {
    AttentionStep step = attention_step(i);
    const auto absorb = [&](ValueId& value, std::optional<NormRef>& norm, int& rope) {
      const int rotation = private_producer(value, OpKind::rope);
      // The step works in place, so what it takes over must have no other reader.
      if (rotation >= 0 && node(rotation).head_dim == step.params.head_dim &&
          only_consumer(node(rotation).inputs[0]) == rotation) {
        rope = rope_index(node(rotation).rope);
        value = node(rotation).inputs[0];
        absorbed_[at(rotation)] = true;
      }
      const int norm_node = private_producer(value, OpKind::norm);
      if (norm_node >= 0 && node(norm_node).head_dim == step.params.head_dim &&
          only_consumer(node(norm_node).inputs[0]) == norm_node) {
        norm = norm_of(norm_node);
        value = node(norm_node).inputs[0];
        absorbed_[at(norm_node)] = true;
      }
    };
    if (step.q != kNone) absorb(step.q, step.q_norm, step.q_rope);
    if (step.k != kNone) absorb(step.k, step.k_norm, step.k_rope);
    fused_.emplace(i, step);
  }

  // All linears of one input become one step, at the place of the first. But an encoder's keys and values go to the
  // cache layer by layer, so that they need not all be in memory at once.
  void absorb_linears(int i) {
    const ValueId x = node(i).inputs[0];
    LinearStep step{.input = {x}, .products = {}, .glu = {}};
    int end = i;
    while (end < static_cast<int>(nodes_.size()) && node(end).kind != OpKind::store_cross) ++end;
    for (const int j : consumers_[at(x)]) {
      if (j >= end) break;
      if (j < i || node(j).kind != OpKind::linear || absorbed_[at(j)]) continue;
      step.products.push_back(product_of(j));
      if (j != i) absorbed_[at(j)] = true;
    }
    const auto n_experts = std::count_if(consumers_[at(x)].begin(), consumers_[at(x)].end(),
                                         [&](int j) { return node(j).kind == OpKind::moe; });
    const int norm = producer_[at(x)];
    if (norm >= 0 && is_row_norm(norm) && x != graph_.output() &&
        step.products.size() + static_cast<std::size_t>(n_experts) == consumers_[at(x)].size()) {
      step.input = {node(norm).inputs[0], norm_of(norm)};
      absorbed_[at(norm)] = true;
      repeated_norms_[x] = step.input;
    }
    for (Product& product : step.products) absorb_activation(product);
    if (step.products.size() == 2) absorb_glu(step);
    if (step.products.size() == 1) absorb_add(i, step);
    fused_.emplace(i, step);
  }

  Product product_of(int i) const { return {node(i).weight, node(i).bias, node(i).output, {}}; }

  void absorb_activation(Product& product) {
    const int next = only_consumer(product.output);
    if (next < 0 || node(next).kind != OpKind::activation) return;
    product.activation = node(next).activation;
    product.output = node(next).output;
    absorbed_[at(next)] = true;
  }

  void absorb_glu(LinearStep& step) {
    const int glu = only_consumer(step.products[0].output);
    if (glu < 0 || node(glu).kind != OpKind::glu || only_consumer(step.products[1].output) != glu) return;
    if (node(glu).inputs[0] != step.products[0].output) std::swap(step.products[0], step.products[1]);
    step.glu = node(glu).activation;
    step.output = node(glu).output;
    absorbed_[at(glu)] = true;
  }

  void absorb_add(int i, LinearStep& step) {
    const ValueId product = step.products[0].output;
    const int next = only_consumer(product);
    if (next < 0) return;
    if (node(next).kind == OpKind::add) {
      const ValueId other = node(next).inputs[0] == product ? node(next).inputs[1] : node(next).inputs[0];
      if (other == product || producer_[at(other)] > i) return;
      step.residual = other;
      step.output = node(next).output;
      absorbed_[at(next)] = true;
    } else if (is_row_norm(next)) {
      const int sum = only_consumer(node(next).output);
      if (sum < 0 || node(sum).kind != OpKind::add) return;
      const ValueId normed = node(next).output;
      const ValueId other = node(sum).inputs[0] == normed ? node(sum).inputs[1] : node(sum).inputs[0];
      if (other == normed || producer_[at(other)] > next) return;
      // Emitted where the norm stands.
      RowStep row{RowStep::Kind::norm_add, {other, product}, node(sum).output};
      row.norm = norm_of(next);
      row.head_dim = node(next).head_dim;
      fused_.emplace(next, row);
      absorbed_[at(sum)] = true;
    }
  }

  // A sum over experts takes in its addition to what was there before.
  void absorb_residual(int i) {
    const ValueId sum = node(i).output;
    const int next = only_consumer(sum);
    if (next < 0 || node(next).kind != OpKind::add) return;
    const ValueId other = node(next).inputs[0] == sum ? node(next).inputs[1] : node(next).inputs[0];
    if (other == sum || producer_[at(other)] > i) return;
    added_by_[i] = next;
    absorbed_[at(next)] = true;
  }

  MoeStep moe_step(int i) const {
    const ValueId x = node(i).inputs[0];
    MoeStep step{.input = {x}, .logits = node(i).inputs[1], .output = node(i).output, .params = node(i).moe};
    const auto normed = repeated_norms_.find(x);
    if (normed != repeated_norms_.end()) step.input = normed->second;
    const auto added = added_by_.find(i);
    if (added != added_by_.end()) {
      const Node& sum = node(added->second);
      step.residual = sum.inputs[0] == step.output ? sum.inputs[1] : sum.inputs[0];
      step.output = sum.output;
    }
    return step;
  }

  void emit(int i) {
    const auto found = fused_.find(i);
    if (found != fused_.end()) {
      steps_of(i).push_back(found->second);
      return;
    }
    const Node& n = node(i);
    if (n.kind == OpKind::linear) {
      steps_of(i).push_back(LinearStep{.input = {n.inputs[0]}, .products = {product_of(i)}, .glu = {}});
      return;
    }
    if (n.kind == OpKind::attention || n.kind == OpKind::store_cross) {
      steps_of(i).push_back(attention_step(i));
      return;
    }
    if (n.kind == OpKind::moe) {
      steps_of(i).push_back(moe_step(i));
      return;
    }
    RowStep step{row_kind(n.kind), n.inputs, n.output};
    step.weight = n.weight;
    step.by = n.by;
    step.offset = n.offset;
    step.others_first = n.others_first;
    step.head_dim = n.head_dim;
    if (n.kind == OpKind::norm) step.norm = norm_of(i);
    step.factor = n.kind == OpKind::embed ? 1.0f : n.factor;
    step.period = n.period;
    step.slices = n.slices;
    step.mix = n.mix;
    step.activation = n.activation;
    if (n.kind == OpKind::rope) step.rope = rope_index(n.rope);
    const auto scaled = scaled_by_.find(i);
    if (scaled != scaled_by_.end()) {
      step.factor = node(scaled->second).factor;
      step.output = node(scaled->second).output;
    }
    steps_of(i).push_back(step);
  }

  std::vector<Step>& steps_of(int i) { return node(i).is_encoder ? plan_.encoder_steps : plan_.steps; }

  const Graph& graph_;
  const std::vector<Node>& nodes_;
  const bool fuse_;
  std::vector<int> producer_;
  std::vector<std::vector<int>> consumers_;
  std::vector<bool> absorbed_;
  std::map<int, Step> fused_;     // steps decided early, by the node at whose place they are emitted
  std::map<int, int> scaled_by_;  // embed node -> the scale node it took in
  std::map<int, int> added_by_;   // moe node -> the add node it took in
  // Normalised value -> what it is made of: products and experts that read it repeat the norm, so that it is no step.
  std::map<ValueId, RowInput> repeated_norms_;
  Plan plan_;
};

}  // namespace

// memory.cpp
void plan_memory(Plan& plan);

Plan compile(const Graph& graph, bool fuse) {
  Plan plan = Compiler(graph, fuse).run();
  plan_memory(plan);
  return plan;
}

}  // namespace llmagentos::graph
