// A step of experts: choose each token's, then multiply with every expert's weights the rows that came to it, and sum.
//
// A token's sum runs over its experts in rising order. Each product depends on its own row only, so a token's result
// does not depend on which others are in the batch.
#include <algorithm>
#include <cstring>

#include "kernels/matmul/packing.h"
#include "runtime/executor.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {

using kernels::Activation;
using kernels::kBlock;
using kernels::kPanel;
using kernels::kRowGroup;

namespace {

constexpr int kUnitGroups = kBlock / kRowGroup;  // gate and up make whole blocks, so that these are quantised at once

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

void add_rows(float* tile, int n, std::size_t stride, const float* bias, std::size_t width) {
  for (int t = 0; t < n; ++t, tile += stride)
    for (std::size_t i = 0; i < width; ++i) tile[i] += bias[i];
}

void scale_rows(float* tile, int n, std::size_t width, const float* factors) {
  for (int t = 0; t < n; ++t, tile += width)
    for (std::size_t i = 0; i < width; ++i) tile[i] *= factors[t];
}

// What is done to gate and up before they are joined.
void limit(const graph::MoeParams& params, float* gate, float* up, std::size_t n) {
  if (params.limit > 0)
    for (std::size_t i = 0; i < n; ++i) {
      // In this order a NaN gets through.
      gate[i] = gate[i] > params.limit ? params.limit : gate[i];
      up[i] = up[i] > params.limit ? params.limit : up[i] < -params.limit ? -params.limit : up[i];
    }
  if (params.up_shift != 0)
    for (std::size_t i = 0; i < n; ++i) up[i] += params.up_shift;
}

}  // namespace

void Executor::make_room(Run& run, const graph::MoeStep& step) {
  const graph::MoeParams& params = step.params;
  const std::size_t tokens = at(run.max_tokens), rows = tokens * at(params.routing.n_used);
  const std::size_t width = at(this->width(step.input.value)), hidden = at(params.hidden);
  const auto reserve = [](AlignedBuffer& buffer, std::size_t n_bytes) {
    if (buffer.size() < n_bytes) buffer = AlignedBuffer(n_bytes);
  };
  const auto takes = [this](graph::WeightId weight, Activation form) {
    return weights_.matrix(weight).kernel.activation == form;
  };
  run.moe.experts.resize(std::max(run.moe.experts.size(), rows));
  run.moe.weights.resize(run.moe.experts.size());
  if (takes(params.gate, Activation::panels) || takes(params.up, Activation::panels))
    reserve(run.moe.panels, rows * width * sizeof(float));
  if (takes(params.down, Activation::q8)) {
    reserve(run.moe.quants, rows * hidden);
    reserve(run.moe.meta, rows * (hidden / kBlock) * sizeof(kernels::BlockMeta));
  } else {
    reserve(run.moe.hidden, rows * hidden * sizeof(float));
  }
  for (const auto& own : scratch_) own->columns.resize(std::max(own->columns.size(), kernels::scratch_floats(hidden)));
}

// Chooses the experts, and sorts the rows by them in every thread's scratch.
void Executor::run_moe(const graph::MoeStep& step, Counter* counters, int thread) {
  const std::int64_t rows = n_rows(step.input.value);
  if (rows == 0) return;
  const graph::MoeParams& params = step.params;
  const auto width = static_cast<std::ptrdiff_t>(this->width(step.input.value));
  const Activation gate = weights_.matrix(params.gate).kernel.activation;
  const Activation up = weights_.matrix(params.up).kernel.activation;
  const bool is_private = rows <= kPrivateRows;
  ThreadScratch& own = *scratch_[at(thread)];
  route_tokens(step, counters[0], thread);
  const PreparedRows prepared =
      prepare_input(step.input, gate == Activation::q8 || up == Activation::q8, false, counters[1], thread);
  if (!is_private) pool_.barrier();
  const std::size_t n_choices = at(rows * params.routing.n_used);
  own.expert_rows.group(params.routing.n_experts, params.routing.n_used,
                        {is_private ? own.experts.data() : run_->moe.experts.data(), n_choices},
                        {is_private ? own.expert_weights.data() : run_->moe.weights.data(), n_choices});
  const float* values = step.input.norm ? prepared.normed : row(step.input.value, 0);
  const float* panels = nullptr;
  if (gate == Activation::panels || up == Activation::panels) {
    panels = gather_panels(step, values, counters[2], thread);
    if (!is_private) pool_.barrier();
  }

  if (observed_) observed_->add(step, values, own.expert_rows, thread, pool_.participants());

  const std::vector<std::int32_t>& busy = own.expert_rows.busy;
  const std::int64_t units = (params.hidden + kBlock - 1) / kBlock;
  std::int64_t first = 0, last = 0;
  while (claim(counters[3], static_cast<std::int64_t>(busy.size()) * units, first, last))
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t expert = busy[at(i / units)], begin = own.expert_rows.begin(expert);
      const kernels::MatmulInput input{values,
                                       width,
                                       panels ? panels + begin * width : nullptr,
                                       static_cast<int>(own.expert_rows.count(expert)),
                                       prepared.quants,
                                       width,
                                       prepared.meta,
                                       width / kBlock,
                                       own.expert_rows.tokens.data() + begin,
                                       stream_ahead_};
      multiply_gate_up(step, input, expert, i % units, own);
    }
  pool_.barrier();
  if (counters[3].has_rest.load(std::memory_order_relaxed)) return;  // a pause
  while (claim(counters[4], weights_.matrix(params.down).n_groups(), first, last))
    multiply_down(step, first, last, own);
}

void Executor::route_tokens(const graph::MoeStep& step, Counter& counter, int thread) {
  const graph::Routing& routing = step.params.routing;
  const std::int64_t rows = n_rows(step.input.value);
  const float* bias = routing.selection_bias == graph::kNone ? nullptr : weights_.vector(routing.selection_bias);
  ThreadScratch& own = *scratch_[at(thread)];
  const auto route = [&](std::int64_t r, std::vector<std::int32_t>& experts, std::vector<float>& weights) {
    const std::size_t to = at(r * routing.n_used);
    own.router.choose(routing, row(step.logits, r), bias, &experts[to], &weights[to]);
  };
  if (rows <= kPrivateRows) {
    own.experts.resize(at(rows * routing.n_used));
    own.expert_weights.resize(own.experts.size());
    for (std::int64_t r = 0; r < rows; ++r) route(r, own.experts, own.expert_weights);
    return;
  }
  for (std::int64_t r; (r = counter.next.fetch_add(1, std::memory_order_relaxed)) < rows;)
    route(r, run_->moe.experts, run_->moe.weights);
}

// The rows of each expert in panels of their own, [width] floats a row.
const float* Executor::gather_panels(const graph::MoeStep& step, const float* values, Counter& counter, int thread) {
  ThreadScratch& own = *scratch_[at(thread)];
  const std::size_t width = at(this->width(step.input.value));
  const bool is_private = n_rows(step.input.value) <= kPrivateRows;
  own.gathered.resize(kPanel * width);
  if (is_private) own.expert_panels.resize(own.expert_rows.tokens.size() * width);
  float* panels = is_private ? own.expert_panels.data() : run_->moe.panels.as<float>();
  std::int64_t panel = 0;  // counted through all experts
  std::int64_t next = is_private ? 0 : counter.next.fetch_add(1, std::memory_order_relaxed);
  for (const std::int32_t expert : own.expert_rows.busy)
    for (std::int64_t first = 0; first < own.expert_rows.count(expert); first += kPanel, ++panel) {
      if (panel != next) continue;
      const std::size_t begin = at(own.expert_rows.begin(expert) + first);
      const auto n = static_cast<int>(std::min<std::int64_t>(kPanel, own.expert_rows.count(expert) - first));
      for (int t = 0; t < n; ++t)
        std::memcpy(&own.gathered[at(t) * width], values + at(own.expert_rows.tokens[begin + at(t)]) * width,
                    width * sizeof(float));
      kernels::pack_panel(own.gathered.data(), static_cast<std::ptrdiff_t>(width), n, width, panels + begin * width);
      next = is_private ? next + 1 : counter.next.fetch_add(1, std::memory_order_relaxed);
    }
  return panels;
}

// A block of the hidden columns of one expert's rows.
void Executor::multiply_gate_up(const graph::MoeStep& step, const kernels::MatmulInput& input, std::int64_t expert,
                                std::int64_t unit, ThreadScratch& scratch) {
  const graph::MoeParams& params = step.params;
  const std::size_t valid = at(std::min<std::int64_t>(kBlock, params.hidden - unit * kBlock));
  const float* row_weights = scratch.expert_rows.weights.data() + scratch.expert_rows.begin(expert);
  const auto multiply = [&](graph::WeightId weight, graph::WeightId bias, std::int64_t first, int n, float* tile) {
    const PackedMatrix& matrix = weights_.matrix(weight);
    if (valid < kBlock) std::fill_n(tile, n * kBlock, 0.0f);
    const int n_groups = (static_cast<int>(valid) + kRowGroup - 1) / kRowGroup;
    matrix.kernel.multiply(matrix.group(unit * kUnitGroups, expert), n_groups, input, static_cast<int>(first), n,
                           at(matrix.cols), tile, kBlock, scratch.columns.data());
    if (params.weighs_inputs) scale_rows(tile, n, kBlock, row_weights + first);
    if (bias != graph::kNone)
      add_rows(tile, n, kBlock, weights_.vector(bias) + expert * params.hidden + unit * kBlock, valid);
  };
  for (std::int64_t first = 0; first < input.n_tokens; first += kTileTokens) {
    const auto n = static_cast<int>(std::min<std::int64_t>(kTileTokens, input.n_tokens - first));
    float *gate = scratch.tile[0], *up = scratch.tile[1];
    multiply(params.gate, params.gate_bias, first, n, gate);
    multiply(params.up, params.up_bias, first, n, up);
    limit(params, gate, up, at(n) * kBlock);
    kernels_.table().glu(gate, up, at(n) * kBlock, params.activation, gate);
    store_hidden(step, gate, scratch.expert_rows, expert, first, n, unit);
  }
}

// Leaves n rows of a block, from an expert's row `first` on, in the form that the down product takes.
void Executor::store_hidden(const graph::MoeStep& step, const float* tile, const ExpertRows& rows, std::int64_t expert,
                            std::int64_t first, int n, std::int64_t unit) {
  const std::int64_t hidden = step.params.hidden, column = unit * kBlock, begin = rows.begin(expert);
  const std::size_t valid = at(std::min<std::int64_t>(kBlock, hidden - column));
  const Activation form = weights_.matrix(step.params.down).kernel.activation;
  if (observed_) observed_->add_hidden(step, expert, tile, n, kBlock, column, static_cast<std::int64_t>(valid));
  for (std::int64_t r = first; r < first + n; ++r, tile += kBlock) {
    const std::int64_t to = (begin + r) * hidden + column;
    if (form == Activation::q8) {
      kernels_.table().quantize_row(tile, kBlock, run_->moe.quants.as<std::int8_t>() + to,
                                    run_->moe.meta.as<kernels::BlockMeta>() + to / kBlock);
    } else if (form == Activation::f32) {
      std::memcpy(run_->moe.hidden.as<float>() + to, tile, valid * sizeof(float));
    } else {
      const std::int64_t panel = r / kPanel * kPanel,
                         n_in_panel = std::min<std::int64_t>(kPanel, rows.count(expert) - panel);
      float* out = run_->moe.hidden.as<float>() + (begin + panel) * hidden + column * n_in_panel + (r - panel);
      for (std::size_t i = 0; i < valid; ++i) out[at(n_in_panel) * i] = tile[i];
    }
  }
}

// The columns of row groups [first, last) of the step's output: the residual, and each expert's share.
void Executor::multiply_down(const graph::MoeStep& step, std::int64_t first, std::int64_t last,
                             ThreadScratch& scratch) {
  const graph::MoeParams& params = step.params;
  const PackedMatrix& down = weights_.matrix(params.down);
  const std::int64_t hidden = params.hidden, begin_column = first * kRowGroup;
  const std::size_t n_columns = at(std::min(last * kRowGroup, down.rows) - begin_column);
  for (std::int64_t r = 0; r < n_rows(step.output); ++r) {
    float* out = row(step.output, r) + begin_column;
    if (step.residual == graph::kNone)
      std::fill_n(out, n_columns, 0.0f);
    else
      std::memcpy(out, row(step.residual, r) + begin_column, n_columns * sizeof(float));
  }
  const ExpertRows& rows = scratch.expert_rows;
  for (std::int64_t expert = 0; expert < params.routing.n_experts; ++expert) {
    const std::int64_t begin = rows.begin(expert), count = rows.count(expert);
    if (count == 0) continue;
    kernels::MatmulInput input;
    if (down.kernel.activation == Activation::q8) {
      input.quants = run_->moe.quants.as<std::int8_t>() + begin * hidden;
      input.quant_stride = hidden;
      input.meta = run_->moe.meta.as<kernels::BlockMeta>() + begin * hidden / kBlock;
      input.meta_stride = hidden / kBlock;
      input.stream_ahead = stream_ahead_;
    } else {
      input.values = input.panels = run_->moe.hidden.as<float>() + begin * hidden;
      input.value_stride = hidden;
      input.n_tokens = static_cast<int>(count);
    }
    for (std::int64_t group = first; group < last; ++group)
      for (std::int64_t from = 0; from < count; from += kTileTokens)
        add_expert(step, input, expert, group, from, scratch);
  }
}

// Adds an expert's product for up to kTileTokens of its rows, from row `from` on, to the output of their tokens.
void Executor::add_expert(const graph::MoeStep& step, const kernels::MatmulInput& input, std::int64_t expert,
                          std::int64_t group, std::int64_t from, ThreadScratch& scratch) {
  const PackedMatrix& down = weights_.matrix(step.params.down);
  const ExpertRows& rows = scratch.expert_rows;
  const auto n = static_cast<int>(std::min<std::int64_t>(kTileTokens, rows.count(expert) - from));
  const std::size_t valid = at(std::min<std::int64_t>(kRowGroup, down.rows - group * kRowGroup));
  float* tile = scratch.tile[0];
  down.kernel.multiply(down.group(group, expert), 1, input, static_cast<int>(from), n, at(down.cols), tile, kRowGroup,
                       scratch.columns.data());
  if (step.params.down_bias != graph::kNone)
    add_rows(tile, n, kRowGroup, weights_.vector(step.params.down_bias) + expert * down.rows + group * kRowGroup,
             valid);
  for (int t = 0; t < n; ++t, tile += kRowGroup) {
    const std::size_t r = at(rows.begin(expert) + from + t);
    float* out = row(step.output, rows.tokens[r]) + group * kRowGroup;
    const float weight = step.params.weighs_inputs ? 1.0f : rows.weights[r];
    for (std::size_t i = 0; i < valid; ++i) out[i] += weight * tile[i];
  }
}

}  // namespace llmagentos::runtime
