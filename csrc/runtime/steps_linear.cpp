// A linear step: prepare the input rows (normalise, quantise), then multiply them with every row group of its weights.
#include <algorithm>
#include <cstring>

#include "kernels/matmul/packing.h"
#include "runtime/executor.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {

using kernels::kBlock;
using kernels::kRowGroup;

namespace {

constexpr std::int64_t kPieces = 4;  // of a thread's share of a phase, one of which may come after a deadline

}  // namespace

void Executor::prepare_rows(const graph::RowInput& input, std::int64_t first, std::int64_t last,
                            const PreparedRows& to) {
  const auto n = static_cast<std::size_t>(width(input.value));
  for (std::int64_t r = first; r < last; ++r) {
    const auto at = static_cast<std::size_t>(r - first);
    const float* x = row(input.value, r);
    if (input.norm) {
      normalise(*input.norm, x, n, to.normed + at * n);
      x = to.normed + at * n;
    }
    if (to.quants) kernels_.table().quantize_row(x, n, to.quants + at * n, to.meta + at * (n / kBlock));
  }
  if (to.panels)
    kernels::pack_panel(input.norm ? to.normed : row(input.value, first), static_cast<std::ptrdiff_t>(n),
                        static_cast<int>(last - first), n, to.panels);
}

Executor::PreparedRows Executor::prepare_input(const graph::RowInput& input, bool quantised, bool paneled,
                                               Counter& counter, int thread) {
  const std::int64_t rows = n_rows(input.value);
  const bool is_private = rows <= kPrivateRows;
  ThreadScratch& own = *scratch_[static_cast<std::size_t>(thread)];
  PreparedRows to;
  if (input.norm) to.normed = is_private ? own.normed.data() : run_->normed.as<float>();
  if (paneled) to.panels = is_private ? own.panels.data() : run_->panels.as<float>();
  if (quantised) {
    to.quants = is_private ? own.quants.data() : run_->quants.as<std::int8_t>();
    to.meta = is_private ? own.meta.data() : run_->meta.as<kernels::BlockMeta>();
  }
  if (is_private) {
    prepare_rows(input, 0, rows, to);
  } else if (!to.empty()) {
    const std::int64_t chunk = paneled ? kernels::kPanel : 4;
    for (std::int64_t first; (first = counter.next.fetch_add(chunk, std::memory_order_relaxed)) < rows;) {
      PreparedRows share;
      const std::ptrdiff_t at = first * width(input.value);
      if (to.normed) share.normed = to.normed + at;
      if (to.panels) share.panels = to.panels + at;
      if (to.quants) {
        share.quants = to.quants + at;
        share.meta = to.meta + at / kBlock;
      }
      prepare_rows(input, first, std::min(first + chunk, rows), share);
    }
  }
  return to;
}

void Executor::run_linear(const graph::LinearStep& step, Counter* counters, int thread) {
  const std::int64_t rows = n_rows(step.input.value);
  if (rows == 0) return;
  const auto n = static_cast<std::ptrdiff_t>(width(step.input.value));
  bool quantised = false, paneled = false;
  for (const auto& product : step.products) {
    const kernels::Activation activation = weights_.matrix(product.weight).kernel.activation;
    quantised |= activation == kernels::Activation::q8;
    paneled |= activation == kernels::Activation::panels;
  }
  const PreparedRows prepared = prepare_input(step.input, quantised, paneled, counters[0], thread);
  if (rows > kPrivateRows && !prepared.empty()) pool_.barrier();
  const kernels::MatmulInput input{step.input.norm ? prepared.normed : row(step.input.value, 0),
                                   n,
                                   prepared.panels,
                                   static_cast<int>(rows),
                                   prepared.quants,
                                   n,
                                   prepared.meta,
                                   n / kBlock,
                                   nullptr,
                                   stream_ahead_};
  if (observed_) observed_->add(step, input.values, rows, thread, pool_.participants());
  const bool adapted = is_adapted(step);
  if (adapted) {
    shrink_rows(step, input, counters[2], thread);
    pool_.barrier();
  }
  multiply_units(step, input, adapted, counters[1], thread);
}

// Takes the next share of `total` units: large at first, for few claims and long streams of weights, down to one at the
// end, so that threads finish together even when one was disturbed. Small ones from the beginning where a deadline is
// to be kept.
bool Executor::claim(Counter& counter, std::int64_t total, std::int64_t& first, std::int64_t& last,
                     std::int64_t most) const {
  first = counter.next.load(std::memory_order_relaxed);
  if (run_->deadline) most = std::min(most, std::max<std::int64_t>(1, total / (kPieces * pool_.participants())));
  do {
    if (first >= total) return false;
    if (run_->must_pause()) {
      counter.has_rest.store(true, std::memory_order_relaxed);
      return false;
    }
    last = first + std::clamp<std::int64_t>((total - first) / (2 * pool_.participants()), 1, most);
  } while (!counter.next.compare_exchange_strong(first, last, std::memory_order_relaxed));
  return true;
}

void Executor::multiply_units(const graph::LinearStep& step, const kernels::MatmulInput& input, bool adapted,
                              Counter& counter, int thread) {
  // A glu's gate and up groups are computed together: it has as many units as one of them.
  std::int64_t units = 0;
  for (const auto& product : step.products) {
    units += weights_.matrix(product.weight).n_groups();
    if (step.glu) break;
  }
  ThreadScratch& scratch = *scratch_[static_cast<std::size_t>(thread)];
  std::int64_t first = 0, last = 0;
  while (claim(counter, units, first, last)) {
    for (std::int64_t unit = first, n = 0; unit < last; unit += n) {
      std::size_t product = 0;
      std::int64_t group = unit;
      while (group >= weights_.matrix(step.products[product].weight).n_groups())
        group -= weights_.matrix(step.products[product++].weight).n_groups();
      const std::int64_t left = weights_.matrix(step.products[product].weight).n_groups() - group;
      n = std::min({last - unit, left, std::int64_t{kernels::kMaxGroups}});
      multiply_groups(step, input, adapted, product, group, static_cast<int>(n), scratch);
    }
  }
}

void Executor::multiply_groups(const graph::LinearStep& step, const kernels::MatmulInput& input, bool adapted,
                               std::size_t index, std::int64_t group, int n_groups, ThreadScratch& scratch) {
  const graph::Product& product = step.products[index];
  const PackedMatrix& matrix = weights_.matrix(product.weight);
  const auto n_cols = static_cast<std::size_t>(matrix.cols);
  const std::int64_t rows = n_rows(step.input.value);
  const graph::ValueId out = step.output >= 0 ? step.output : product.output;
  const std::int64_t out_width = width(out);
  const std::int64_t first_column = group * kRowGroup, n_columns = n_groups * kRowGroup;
  const auto valid = static_cast<std::size_t>(std::min(n_columns, matrix.rows - first_column));
  const bool direct = step.output < 0 && valid == static_cast<std::size_t>(n_columns) && product.bias == graph::kNone &&
                      !product.activation.has_value();
  const auto multiply = [&](std::size_t of_index, std::int64_t first, int n, float* tile) {
    const graph::Product& of = step.products[of_index];
    const PackedMatrix& m = weights_.matrix(of.weight);
    m.kernel.multiply(m.group(group), n_groups, input, static_cast<int>(first), n, n_cols, tile, n_columns,
                      scratch.columns.data());
    if (adapted) expand_rows(step, of_index, group, n_groups, first, tile, n_columns, scratch);
    if (of.bias != graph::kNone) {
      const float* bias = weights_.vector(of.bias) + first_column;
      for (int t = 0; t < n; ++t)
        for (std::size_t i = 0; i < valid; ++i) tile[t * n_columns + static_cast<std::int64_t>(i)] += bias[i];
    }
    if (of.activation) kernels_.table().activate(tile, static_cast<std::size_t>(n * n_columns), *of.activation, tile);
  };
  for (std::int64_t first = 0; first < rows; first += kTileTokens) {
    const auto n = static_cast<int>(std::min<std::int64_t>(kTileTokens, rows - first));
    float* to = row(out, first) + first_column;
    if (direct) {
      matrix.kernel.multiply(matrix.group(group), n_groups, input, static_cast<int>(first), n, n_cols, to, out_width,
                             scratch.columns.data());
      if (adapted) expand_rows(step, index, group, n_groups, first, to, out_width, scratch);
      continue;
    }
    float* tile = scratch.tile[0];
    multiply(index, first, n, tile);
    if (step.glu) {
      multiply(1, first, n, scratch.tile[1]);
      kernels_.table().glu(tile, scratch.tile[1], static_cast<std::size_t>(n * n_columns), *step.glu, tile);
    }
    for (int t = 0; t < n; ++t, tile += n_columns, to += out_width) {
      if (step.residual >= 0) {
        const float* base = row(step.residual, first + t) + first_column;
        for (std::size_t i = 0; i < valid; ++i) to[i] = base[i] + tile[i];
      } else {
        std::memcpy(to, tile, valid * sizeof(float));
      }
    }
  }
}

}  // namespace llmagentos::runtime
