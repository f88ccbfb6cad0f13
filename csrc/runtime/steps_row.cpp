// Steps that act on each row alone.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/rows/rows.h"
#include "runtime/executor.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {

void Executor::run_row(const graph::RowStep& step, Counter* counters, int thread) {
  using Kind = graph::RowStep::Kind;
  const std::int64_t rows = n_rows(step.output);
  ThreadScratch& own = *scratch_[static_cast<std::size_t>(thread)];
  const bool is_selection = step.kind == Kind::select_rows || step.kind == Kind::mean_rows;
  for (std::int64_t r; (r = counters[0].next.fetch_add(1, std::memory_order_relaxed)) < rows;) {
    const float* x = nullptr;
    if (is_selection)
      x = row(step.inputs[0], run_->batch.logit_rows[static_cast<std::size_t>(r)]);
    else if (!step.inputs.empty())
      x = row(step.inputs[0], r);
    run_one_row(step, r, x, row(step.output, r), own);
  }
}

void Executor::run_one_row(const graph::RowStep& step, std::int64_t r, const float* x, float* out, ThreadScratch& own) {
  using Kind = graph::RowStep::Kind;
  const kernels::KernelTable& table = kernels_.table();
  const auto n = static_cast<std::size_t>(width(step.output));
  const auto slice = step.head_dim > 0 ? static_cast<std::size_t>(step.head_dim) : n;
  switch (step.kind) {
    case Kind::embed:
      return embed_row(step, r, n, out);
    case Kind::norm:
      for (std::size_t at = 0; at < n; at += slice) normalise(*step.norm, x + at, slice, out + at);
      return;
    case Kind::norm_add: {
      own.columns.resize(std::max(own.columns.size(), n));
      normalise(*step.norm, row(step.inputs[1], r), n, own.columns.data());
      for (std::size_t i = 0; i < n; ++i) out[i] = x[i] + own.columns[i];
      return;
    }
    case Kind::rope: {
      const graph::RopeParams& params = plan_.ropes[static_cast<std::size_t>(step.rope)];
      const std::size_t at = static_cast<std::size_t>(r) * params.inverse_frequencies.size();
      std::memcpy(out, x, n * sizeof(float));
      for (std::size_t s = 0; s < n; s += slice)
        table.rope(out + s + params.first, static_cast<std::size_t>(params.n_dims()),
                   &run_->cosines[static_cast<std::size_t>(step.rope)][at],
                   &run_->sines[static_cast<std::size_t>(step.rope)][at], params.pairs);
      return;
    }
    case Kind::activation:
      return table.activate(x, n, step.activation, out);
    case Kind::glu:
      return table.glu(x, row(step.inputs[1], r), n, step.activation, out);
    case Kind::add: {
      const float* y = row(step.inputs[1], r);
      for (std::size_t i = 0; i < n; ++i) out[i] = x[i] + y[i];
      return;
    }
    case Kind::scale:
      for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * step.factor;
      return;
    case Kind::scale_rows: {
      const float factor = *row(step.inputs[1], r);
      for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * factor;
      return;
    }
    case Kind::scale_columns: {
      const float* factors = weights_.vector(step.weight);
      for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * factors[i];
      return;
    }
    case Kind::scale_by_position: {
      const int n_periods = (run_->batch.positions[static_cast<std::size_t>(r)] + step.offset) / step.period;
      const float factor = 1.0f + step.factor * std::log1p(static_cast<float>(n_periods));
      for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * factor;
      return;
    }
    case Kind::slice_heads:
      return slice_heads(step, r, x, out);
    case Kind::mix:
      return mix_row(step, r, x, out);
    case Kind::match_rms:
      return kernels::match_rms(x, row(step.inputs[1], r), n, step.factor, out);
    case Kind::excess:
      return kernels::excess(x, n, step.factor, out);
    case Kind::softcap:
      std::memcpy(out, x, n * sizeof(float));
      return table.softcap(out, n, step.factor);
    case Kind::clamp:
      // In this order a NaN gets through.
      for (std::size_t i = 0; i < n; ++i)
        out[i] = x[i] > step.factor ? step.factor : x[i] < -step.factor ? -step.factor : x[i];
      return;
    case Kind::select_rows:
      std::memcpy(out, x, n * sizeof(float));
      return;
    case Kind::mean_rows:
      return mean_row(step, run_->batch.logit_rows[static_cast<std::size_t>(r)], n, out);
  }
}

void Executor::slice_heads(const graph::RowStep& step, std::int64_t r, const float* x, float* out) {
  const graph::HeadSlices& s = step.slices;
  const bool has_tail = step.inputs.size() > 1;
  const float* tail = has_tail ? row(step.inputs[1], r) : nullptr;
  const std::int64_t n_tail = has_tail ? width(step.inputs[1]) : 0, stride = width(step.inputs[0]) / s.n_heads;
  for (std::int64_t h = 0; h < s.n_heads; ++h, out += s.size) {
    std::copy_n(x + h * stride + s.first, s.n, out);
    std::copy_n(tail, n_tail, out + s.n);
    std::fill(out + s.n + n_tail, out + s.size, 0.0f);
  }
}

void Executor::mix_row(const graph::RowStep& step, std::int64_t r, const float* x, float* out) {
  const graph::Mix& mix = step.mix;
  const auto part = static_cast<std::size_t>(width(step.inputs[0]) / mix.n_in);
  const float* coefficients = mix.has_coefficients ? row(step.inputs[1], r) : nullptr;
  const float* base = mix.has_base ? row(step.inputs.back(), r) : nullptr;
  const auto n_out = static_cast<int>(static_cast<std::size_t>(width(step.output)) / part);
  kernels::mix(x, coefficients, mix.constants.empty() ? nullptr : mix.constants.data(), base, mix.n_in, n_out, part,
               out);
}

void Executor::embed_row(const graph::RowStep& step, std::int64_t token, std::size_t n, float* out) {
  const PackedMatrix& matrix = weights_.matrix(step.weight);
  const auto t = static_cast<std::size_t>(token);
  std::int32_t index = step.offset;
  if (step.by == graph::EmbedBy::token) index += run_->batch.token_ids[t];
  if (step.by == graph::EmbedBy::position) index += run_->batch.positions[t];
  if (step.by == graph::EmbedBy::type && !run_->batch.token_types.empty()) index += run_->batch.token_types[t];
  if (step.others_first && index >= matrix.rows) index = 0;
  matrix.kernel.decode_row(matrix.group(index / kernels::kRowGroup), index % kernels::kRowGroup, n, out);
  if (step.factor != 1.0f)
    for (std::size_t i = 0; i < n; ++i) out[i] *= step.factor;
}

// Over all rows of the sequence that `token` belongs to, in sequence.
void Executor::mean_row(const graph::RowStep& step, std::int64_t token, std::size_t n, float* out) {
  const auto sequence = static_cast<std::size_t>(run_->sequence_of[static_cast<std::size_t>(token)]);
  const std::int32_t begin = run_->batch.sequence_starts[sequence], end = run_->batch.sequence_starts[sequence + 1];
  std::fill_n(out, n, 0.0f);
  for (std::int32_t t = begin; t < end; ++t) {
    const float* x = row(step.inputs[0], t);
    for (std::size_t i = 0; i < n; ++i) out[i] += x[i];
  }
  const float share = 1.0f / static_cast<float>(end - begin);
  for (std::size_t i = 0; i < n; ++i) out[i] *= share;
}

}  // namespace llmagentos::runtime
