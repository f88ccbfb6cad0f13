// Adapters in a linear step: a x of the rows that have one, shared out between two barriers, then b (a x) where the
// product with the weight is in a tile. A batch without adapters comes here with nothing to do.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/matmul/packing.h"
#include "runtime/executor.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {

using kernels::kPanel;
using kernels::kRowGroup;

std::int32_t Executor::load_adapter(std::span<const LowRankSource> sources) {
  auto adapter = std::make_unique<const Adapter>(plan_, kernels_, sources);
  const auto lock = turn();
  adapters_.emplace(++last_adapter_, std::move(adapter));
  return last_adapter_;
}

void Executor::unload_adapter(std::int32_t id) {
  const auto lock = turn();
  const auto found = adapters_.find(id);
  if (found == adapters_.end()) throw InvalidArgument("there is no adapter " + std::to_string(id));
  if (has_aside_) {
    const std::vector<const Adapter*>& aside = aside_->adapters;
    has_aside_ = std::find(aside.begin(), aside.end(), found->second.get()) == aside.end();
  }
  adapters_.erase(found);
  if (!adapters_.empty()) return;
  main_->shrunk = AlignedBuffer();
  if (aside_) aside_->shrunk = AlignedBuffer();
}

std::size_t Executor::adapter_bytes() {
  const auto lock = turn();
  std::size_t total = 0;
  for (const auto& [id, adapter] : adapters_) total += adapter->n_bytes();
  return total;
}

// Before a run, by its caller alone.
void Executor::plan_adapters() {
  run_->adapters.clear();
  run_->token_adapters = run_->logit_adapters = {};
  if (std::all_of(run_->batch.adapters.begin(), run_->batch.adapters.end(),
                  [](std::int32_t id) { return id == kNoAdapter; }))
    return;
  std::vector<const Adapter*> of_tokens, of_logits;
  for (const std::int32_t sequence : run_->sequence_of) {
    const std::int32_t id = run_->batch.adapters[static_cast<std::size_t>(sequence)];
    of_tokens.push_back(id == kNoAdapter ? nullptr : adapters_.at(id).get());
  }
  for (const std::int32_t token : run_->batch.logit_rows)
    of_logits.push_back(of_tokens[static_cast<std::size_t>(token)]);
  run_->token_adapters.group(of_tokens, kTileTokens);
  run_->logit_adapters.group(of_logits, kTileTokens);

  run_->max_rank = 0;
  for (const AdapterRows::Panel& panel : run_->token_adapters.panels)
    if (std::find(run_->adapters.begin(), run_->adapters.end(), panel.adapter) == run_->adapters.end()) {
      run_->adapters.push_back(panel.adapter);
      run_->max_rank = std::max(run_->max_rank, panel.adapter->max_rank());
    }
  std::size_t most_products = 0;
  for (const graph::Step& step : *run_->steps)
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      most_products = std::max(most_products, linear->products.size());
  const std::size_t rows = std::max(run_->token_adapters.rows.size(), run_->logit_adapters.rows.size());
  const std::size_t n_bytes = most_products * rows * static_cast<std::size_t>(run_->max_rank) * sizeof(float);
  if (run_->shrunk.size() < n_bytes) run_->shrunk = AlignedBuffer(n_bytes);
  const std::size_t columns = kernels::scratch_floats(static_cast<std::size_t>(run_->max_rank));
  for (const auto& own : scratch_) own->columns.resize(std::max(own->columns.size(), columns));
}

bool Executor::is_adapted(const graph::LinearStep& step) const {
  return std::any_of(run_->adapters.begin(), run_->adapters.end(),
                     [&step](const Adapter* adapter) { return adapter->updates(step); });
}

const AdapterRows& Executor::adapter_rows(const graph::LinearStep& step) const {
  return plan_.values[static_cast<std::size_t>(step.input.value)].selected ? run_->logit_adapters
                                                                           : run_->token_adapters;
}

// Where a x lies of a panel's rows for one of the step's products: as a panel [rank][n], or where the kernel of b takes
// rows, as rows run_->max_rank apart.
float* Executor::shrunk(const graph::LinearStep& step, std::size_t product, const AdapterRows::Panel& panel) {
  const std::size_t rows = adapter_rows(step).rows.size();
  return run_->shrunk.as<float>() +
         (product * rows + static_cast<std::size_t>(panel.begin)) * static_cast<std::size_t>(run_->max_rank);
}

void Executor::shrink_rows(const graph::LinearStep& step, const kernels::MatmulInput& input, Counter& counter,
                           int thread) {
  const AdapterRows& adapted = adapter_rows(step);
  const auto width = static_cast<std::size_t>(this->width(step.input.value));
  ThreadScratch& own = *scratch_[static_cast<std::size_t>(thread)];
  std::int64_t unit = 0, next = counter.next.fetch_add(1, std::memory_order_relaxed);
  for (const AdapterRows::Panel& panel : adapted.panels) {
    kernels::MatmulInput x = input;
    x.rows = adapted.rows.data() + panel.begin;
    x.n_tokens = panel.n;
    x.panels = nullptr;
    for (std::size_t product = 0; product < step.products.size(); ++product) {
      const LowRank* factors = panel.adapter->of(step.products[product].weight);
      for (std::int64_t group = 0; factors && group < factors->a.n_groups(); ++group, ++unit) {
        if (unit != next) continue;
        if (!x.panels) x.panels = gather_panel(input, {x.rows, static_cast<std::size_t>(panel.n)}, width, own);
        shrink_group(*factors, x, group, shrunk(step, product, panel), own);
        next = counter.next.fetch_add(1, std::memory_order_relaxed);
      }
    }
  }
}

// The panel of some rows of float input, in this thread's scratch or where it lies.
const float* Executor::gather_panel(const kernels::MatmulInput& input, std::span<const std::int32_t> rows,
                                    std::size_t width, ThreadScratch& scratch) {
  if (rows.size() == 1) return input.values + rows[0] * input.value_stride;
  scratch.gathered.resize(std::max(scratch.gathered.size(), kPanel * width));
  scratch.adapter_panel.resize(std::max(scratch.adapter_panel.size(), kPanel * width));
  for (std::size_t t = 0; t < rows.size(); ++t)
    std::memcpy(&scratch.gathered[t * width], input.values + rows[t] * input.value_stride, width * sizeof(float));
  kernels::pack_panel(scratch.gathered.data(), static_cast<std::ptrdiff_t>(width), static_cast<int>(rows.size()), width,
                      scratch.adapter_panel.data());
  return scratch.adapter_panel.data();
}

// 16 columns of a x for a panel's rows, in the form that the product with b takes.
void Executor::shrink_group(const LowRank& factors, const kernels::MatmulInput& x, std::int64_t group, float* to,
                            ThreadScratch& scratch) const {
  float tile[kPanel * kRowGroup];
  const PackedMatrix& a = factors.a;
  a.kernel.multiply(a.group(group), 1, x, 0, x.n_tokens, static_cast<std::size_t>(a.cols), tile, kRowGroup,
                    scratch.columns.data());
  const bool is_panel = factors.b.kernel.activation == kernels::Activation::panels;
  const std::int64_t first = group * kRowGroup, last = std::min(first + kRowGroup, factors.rank());
  for (int t = 0; t < x.n_tokens; ++t)
    for (std::int64_t i = first; i < last; ++i)
      to[is_panel ? i * x.n_tokens + t : t * run_->max_rank + i] = tile[t * kRowGroup + (i - first)];
}

void Executor::expand_rows(const graph::LinearStep& step, std::size_t product, std::int64_t group, int n_groups,
                           std::int64_t first, float* tile, std::ptrdiff_t stride, ThreadScratch& scratch) {
  const AdapterRows& adapted = adapter_rows(step);
  const int n_columns = n_groups * kRowGroup;
  float update[kPanel * kernels::kMaxGroups * kRowGroup];
  for (const AdapterRows::Panel& panel : adapted.of_tile(first / kTileTokens)) {
    const LowRank* factors = panel.adapter->of(step.products[product].weight);
    if (!factors) continue;
    kernels::MatmulInput x;
    x.values = x.panels = shrunk(step, product, panel);
    x.value_stride = run_->max_rank;
    x.n_tokens = panel.n;
    const PackedMatrix& b = factors->b;
    b.kernel.multiply(b.group(group), n_groups, x, 0, panel.n, static_cast<std::size_t>(b.cols), update, n_columns,
                      scratch.columns.data());
    for (int t = 0; t < panel.n; ++t) {
      float* to = tile + (adapted.rows[static_cast<std::size_t>(panel.begin + t)] - first) * stride;
      for (int i = 0; i < n_columns; ++i) to[i] += update[t * n_columns + i];
    }
  }
}

}  // namespace llmagentos::runtime
