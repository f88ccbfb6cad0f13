// Places every value in one arena: first fit over the values alive at the same time. What a step writes never lies
// where the step reads: one that was left half done reads its input again.
#include <algorithm>

#include "graph/plan.h"

namespace llmagentos::graph {
namespace {

struct Use {
  std::vector<ValueId> reads, writes;
};

Use uses(const Step& step) {
  Use use;
  if (const auto* linear = std::get_if<LinearStep>(&step)) {
    use.reads.push_back(linear->input.value);
    if (linear->residual >= 0) use.reads.push_back(linear->residual);
    if (linear->output >= 0)
      use.writes.push_back(linear->output);
    else
      for (const Product& product : linear->products) use.writes.push_back(product.output);
  } else if (const auto* attention = std::get_if<AttentionStep>(&step)) {
    for (const ValueId v : {attention->q, attention->k, attention->v})
      if (v != kNone) use.reads.push_back(v);
    if (attention->output != kNone) use.writes.push_back(attention->output);
  } else if (const auto* moe = std::get_if<MoeStep>(&step)) {
    use.reads = {moe->input.value, moe->logits};
    if (moe->residual != kNone) use.reads.push_back(moe->residual);
    use.writes = {moe->output};
  } else {
    const auto& row = std::get<RowStep>(step);
    use.reads = row.inputs;
    use.writes = {row.output};
  }
  return use;
}

// Rows start on cache lines when widths do.
std::int64_t padded(std::int64_t width) { return (width + 15) / 16 * 16; }

}  // namespace

void plan_memory(Plan& plan) {
  int n_steps = 0;
  std::vector<int> born(plan.values.size(), -1), last(plan.values.size(), -1);
  plan.for_each_step([&](const Step& step) {
    const Use use = uses(step);
    for (const ValueId v : use.writes) born[static_cast<std::size_t>(v)] = last[static_cast<std::size_t>(v)] = n_steps;
    for (const ValueId v : use.reads) last[static_cast<std::size_t>(v)] = n_steps;
    ++n_steps;
  });
  plan.offsets.assign(plan.values.size(), -1);
  std::vector<std::size_t> order;
  for (std::size_t v = 0; v < plan.values.size(); ++v)
    if (born[v] >= 0 && static_cast<ValueId>(v) != plan.output) order.push_back(v);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return born[a] < born[b]; });

  std::vector<std::size_t> placed;
  for (const std::size_t v : order) {
    const std::int64_t width = padded(plan.values[v].width);
    // Values come in order of birth: one that has died by now never matters again.
    std::erase_if(placed, [&](std::size_t p) { return last[p] < born[v]; });
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;  // [begin, end) of values alive at the same time
    for (const std::size_t p : placed)
      taken.emplace_back(plan.offsets[p], plan.offsets[p] + padded(plan.values[p].width));
    std::sort(taken.begin(), taken.end());
    std::int64_t at = 0;
    for (const auto& [begin, end] : taken) {
      if (at + width <= begin) break;
      at = std::max(at, end);
    }
    plan.offsets[v] = at;
    plan.arena_width = std::max(plan.arena_width, at + width);
    placed.push_back(v);
  }
}

}  // namespace llmagentos::graph
