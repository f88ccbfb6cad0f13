// The ops that act on each row alone.
#include "graph/checks.h"
#include "graph/plan.h"

namespace llmagentos::graph {

ValueId Graph::same_shape(OpKind kind, ValueId x, const char* op, float factor) {
  const Value in = value(x, op);
  Node node = node_of(kind, {x});
  node.factor = factor;
  return push(std::move(node), in.width, in.selected);
}

ValueId Graph::activation(ValueId x, kernels::ActivationKind kind) {
  const ValueId y = same_shape(OpKind::activation, x, "activation", 0);
  nodes_.back().activation = kind;
  return y;
}

ValueId Graph::glu(ValueId gate, ValueId up, kernels::ActivationKind kind) {
  const Value a = value(gate, "glu"), b = value(up, "glu");
  require(a.width == b.width && a.selected == b.selected, "glu: widths " + text(a.width) + " and " + text(b.width));
  Node node = node_of(OpKind::glu, {gate, up});
  node.activation = kind;
  return push(std::move(node), a.width, a.selected);
}

ValueId Graph::add(ValueId a, ValueId b) {
  const Value x = value(a, "add"), y = value(b, "add");
  require(x.width == y.width && x.selected == y.selected, "add: widths " + text(x.width) + " and " + text(y.width));
  return push(node_of(OpKind::add, {a, b}), x.width, x.selected);
}

ValueId Graph::scale(ValueId x, float factor) { return same_shape(OpKind::scale, x, "scale", factor); }

ValueId Graph::scale_rows(ValueId x, ValueId factors) {
  const Value in = value(x, "scale_rows"), by = value(factors, "scale_rows");
  require(by.width == 1 && by.selected == in.selected, "scale_rows: a row has one factor, not " + text(by.width));
  return push(node_of(OpKind::scale_rows, {x, factors}), in.width, in.selected);
}

ValueId Graph::scale_columns(ValueId x, const std::string& name) {
  require(!name.empty(), "scale_columns: it needs a weight");
  const std::int64_t width = value(x, "scale_columns").width;
  const ValueId y = same_shape(OpKind::scale_columns, x, "scale_columns", 0);
  nodes_.back().weight = vector(name, width);
  return y;
}

ValueId Graph::scale_by_position(ValueId x, int period, float slope, int first) {
  require(period > 0, "scale_by_position: the period must be positive");
  require(first == 0 || first == 1, "scale_by_position: the first position must count as 0 or 1");
  require(!value(x, "scale_by_position").selected, "scale_by_position: selected rows have no positions");
  const ValueId y = same_shape(OpKind::scale_by_position, x, "scale_by_position", slope);
  nodes_.back().period = period;
  nodes_.back().offset = first;
  return y;
}

ValueId Graph::slice_heads(ValueId x, const HeadSlices& s, ValueId tail) {
  const Value in = value(x, "slice_heads");
  require(s.n_heads > 0 && in.width % s.n_heads == 0,
          "slice_heads: width " + text(in.width) + " is not a multiple of " + text(s.n_heads) + " heads");
  require(s.first >= 0 && s.n > 0 && s.first <= in.width / s.n_heads - s.n,
          "slice_heads: heads of " + text(in.width / s.n_heads) + " have no " + text(s.n) + " elements from " +
              text(s.first) + " on");
  const std::int64_t n_tail = tail == kNone ? 0 : value(tail, "slice_heads").width;
  require(s.n + n_tail <= s.size, "slice_heads: " + text(s.n + n_tail) + " elements in heads of " + text(s.size));
  require(tail == kNone || value(tail, "slice_heads").selected == in.selected,
          "slice_heads: its inputs have different rows");
  Node node = node_of(OpKind::slice_heads, {x});
  if (tail != kNone) node.inputs.push_back(tail);
  node.slices = s;
  return push(std::move(node), static_cast<std::int64_t>(s.n_heads) * s.size, in.selected);
}

ValueId Graph::mix(ValueId x, int n_in, const std::vector<float>& constants, ValueId coefficients, ValueId base) {
  const Value in = value(x, "mix");
  require(n_in > 0 && in.width % n_in == 0,
          "mix: width " + text(in.width) + " is not a multiple of " + text(n_in) + " parts");
  const auto n_constants = static_cast<std::int64_t>(constants.size());
  const std::int64_t n = coefficients == kNone ? n_constants : value(coefficients, "mix").width;
  require(n > 0 && n % n_in == 0 && (n_constants == 0 || n_constants == n),
          "mix: " + text(n) + " coefficients and " + text(n_constants) + " constants for " + text(n_in) + " parts");
  const std::int64_t width = in.width / n_in * (n / n_in);
  Node node = node_of(OpKind::mix, {x});
  node.mix = {n_in, constants, coefficients != kNone, base != kNone};
  for (const ValueId other : {coefficients, base}) {
    if (other == kNone) continue;
    require(value(other, "mix").selected == in.selected, "mix: its inputs have different rows");
    node.inputs.push_back(other);
  }
  require(base == kNone || value(base, "mix").width == width,
          "mix: the base is not " + text(width) + " wide, as the sums are");
  return push(std::move(node), width, in.selected);
}

ValueId Graph::match_rms(ValueId x, ValueId like, float least) {
  require(least > 0, "match_rms: the least mean square must be positive");
  const Value in = value(x, "match_rms");
  const Value other = value(like, "match_rms");
  require(in.width == other.width && in.selected == other.selected,
          "match_rms: widths " + text(in.width) + " and " + text(other.width));
  const ValueId y = same_shape(OpKind::match_rms, x, "match_rms", least);
  nodes_.back().inputs.push_back(like);
  return y;
}

ValueId Graph::excess(ValueId x, float deviations) { return same_shape(OpKind::excess, x, "excess", deviations); }

ValueId Graph::softcap(ValueId x, float cap) {
  require(cap > 0, "softcap: the cap must be positive");
  return same_shape(OpKind::softcap, x, "softcap", cap);
}

ValueId Graph::clamp(ValueId x, float limit) {
  require(limit > 0, "clamp: the limit must be positive");
  return same_shape(OpKind::clamp, x, "clamp", limit);
}

ValueId Graph::selected(OpKind kind, ValueId x, const char* op) {
  const Value in = value(x, op);
  require(!in.selected, std::string(op) + ": rows are selected already");
  return push(node_of(kind, {x}), in.width, true);
}

ValueId Graph::select_rows(ValueId x) { return selected(OpKind::select_rows, x, "select_rows"); }
ValueId Graph::mean_rows(ValueId x) { return selected(OpKind::mean_rows, x, "mean_rows"); }

RowStep::Kind row_kind(OpKind kind) {
  switch (kind) {
    case OpKind::embed:
      return RowStep::Kind::embed;
    case OpKind::norm:
      return RowStep::Kind::norm;
    case OpKind::rope:
      return RowStep::Kind::rope;
    case OpKind::activation:
      return RowStep::Kind::activation;
    case OpKind::glu:
      return RowStep::Kind::glu;
    case OpKind::add:
      return RowStep::Kind::add;
    case OpKind::scale:
      return RowStep::Kind::scale;
    case OpKind::scale_rows:
      return RowStep::Kind::scale_rows;
    case OpKind::scale_by_position:
      return RowStep::Kind::scale_by_position;
    case OpKind::scale_columns:
      return RowStep::Kind::scale_columns;
    case OpKind::slice_heads:
      return RowStep::Kind::slice_heads;
    case OpKind::mix:
      return RowStep::Kind::mix;
    case OpKind::match_rms:
      return RowStep::Kind::match_rms;
    case OpKind::excess:
      return RowStep::Kind::excess;
    case OpKind::softcap:
      return RowStep::Kind::softcap;
    case OpKind::clamp:
      return RowStep::Kind::clamp;
    case OpKind::select_rows:
      return RowStep::Kind::select_rows;
    case OpKind::mean_rows:
      return RowStep::Kind::mean_rows;
    default:
      throw InvalidArgument("graph: this op is no row step");
  }
}

}  // namespace llmagentos::graph
