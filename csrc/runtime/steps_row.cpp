// Steps that act on each row alone.
#include <algorithm>
#include <cstring>

#include "runtime/executor.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {

void Executor::run_row(const graph::RowStep& step, Counter* counters, int thread) {
  using Kind = graph::RowStep::Kind;
  const kernels::KernelTable& table = kernels_.table();
  const std::int64_t rows = n_rows(step.output);
  const auto n = static_cast<std::size_t>(width(step.output));
  const auto slices = step.head_dim > 0 ? n / static_cast<std::size_t>(step.head_dim) : 1;
  const auto slice = n / slices;
  ThreadScratch& own = *scratch_[static_cast<std::size_t>(thread)];

  for (std::int64_t r; (r = counters[0].next.fetch_add(1, std::memory_order_relaxed)) < rows;) {
    float* out = row(step.output, r);
    const float* x = nullptr;
    if (step.kind == Kind::select_rows)
      x = row(step.inputs[0], batch_.logit_rows[static_cast<std::size_t>(r)]);
    else if (!step.inputs.empty())
      x = row(step.inputs[0], r);
    switch (step.kind) {
      case Kind::embed: {
        const PackedMatrix& matrix = weights_.matrix(step.weight);
        const std::int32_t id = batch_.token_ids[static_cast<std::size_t>(r)];
        matrix.kernel.decode_row(matrix.group(id / kernels::kRowGroup), id % kernels::kRowGroup, n, out);
        if (step.factor != 1.0f)
          for (std::size_t i = 0; i < n; ++i) out[i] *= step.factor;
        break;
      }
      case Kind::rms_norm:
        for (std::size_t s = 0; s < slices; ++s)
          table.rms_norm(x + s * slice, weights_.vector(step.weight), slice, step.eps, out + s * slice);
        break;
      case Kind::norm_add: {
        own.columns.resize(std::max(own.columns.size(), n));
        table.rms_norm(row(step.inputs[1], r), weights_.vector(step.weight), n, step.eps, own.columns.data());
        for (std::size_t i = 0; i < n; ++i) out[i] = x[i] + own.columns[i];
        break;
      }
      case Kind::rope: {
        const graph::RopeParams& params = plan_.ropes[static_cast<std::size_t>(step.rope)];
        const auto at = static_cast<std::size_t>(r) * static_cast<std::size_t>(params.n_dims / 2);
        std::memcpy(out, x, n * sizeof(float));
        for (std::size_t s = 0; s < slices; ++s)
          table.rope(out + s * slice, static_cast<std::size_t>(params.n_dims),
                     &cosines_[static_cast<std::size_t>(step.rope)][at],
                     &sines_[static_cast<std::size_t>(step.rope)][at], params.pairs);
        break;
      }
      case Kind::glu:
        table.glu(x, row(step.inputs[1], r), n, step.activation, out);
        break;
      case Kind::add: {
        const float* y = row(step.inputs[1], r);
        for (std::size_t i = 0; i < n; ++i) out[i] = x[i] + y[i];
        break;
      }
      case Kind::scale:
        for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * step.factor;
        break;
      case Kind::softcap:
        std::memcpy(out, x, n * sizeof(float));
        table.softcap(out, n, step.factor);
        break;
      case Kind::select_rows:
        std::memcpy(out, x, n * sizeof(float));
        break;
    }
  }
}

}  // namespace llmagentos::runtime
