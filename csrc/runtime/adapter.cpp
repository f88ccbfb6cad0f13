#include "runtime/adapter.h"

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace llmagentos::runtime {
namespace {

// The weights that linear layers multiply with, by name.
std::map<std::string, graph::WeightId> linear_weights(const graph::Plan& plan) {
  std::map<std::string, graph::WeightId> ids;
  plan.for_each_step([&](const graph::Step& step) {
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      for (const graph::Product& product : linear->products)
        ids.emplace(plan.weights[static_cast<std::size_t>(product.weight)].name, product.weight);
  });
  return ids;
}

void check(const LowRankSource& source, const graph::WeightSpec& spec) {
  if (source.rank < 1 || source.b_rank != source.rank || source.cols != spec.cols || source.rows != spec.rows)
    throw InvalidArgument("adapter: factors " + shape_text({source.rank, source.cols}) + " and " +
                          shape_text({source.rows, source.b_rank}) + " are none of " + spec.name + ", which is " +
                          shape_text({spec.rows, spec.cols}));
}

PackedMatrix layout(const kernels::KernelSet& kernels, std::int64_t rows, std::int64_t cols) {
  PackedMatrix matrix;
  matrix.kernel = kernels.matmul(DType::f32, static_cast<std::size_t>(cols));
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.group_bytes = matrix.kernel.group_bytes(static_cast<std::size_t>(cols));
  return matrix;
}

std::size_t packed_bytes(const PackedMatrix& matrix) {
  constexpr std::size_t kAlign = AlignedBuffer::kAlignment;
  return (static_cast<std::size_t>(matrix.n_groups()) * matrix.group_bytes + kAlign - 1) / kAlign * kAlign;
}

void pack(PackedMatrix& matrix, const float* values, std::byte* groups) {
  matrix.groups = groups;
  const std::size_t stride = static_cast<std::size_t>(matrix.cols) * sizeof(float);
  for (std::int64_t g = 0; g < matrix.n_groups(); ++g) {
    const std::int64_t row = g * kernels::kRowGroup;
    const auto n = static_cast<int>(std::min<std::int64_t>(kernels::kRowGroup, matrix.rows - row));
    matrix.kernel.pack_group(reinterpret_cast<const std::byte*>(values + row * matrix.cols), stride, n,
                             static_cast<std::size_t>(matrix.cols),
                             groups + static_cast<std::size_t>(g) * matrix.group_bytes);
  }
}

}  // namespace

Adapter::Adapter(const graph::Plan& plan, const kernels::KernelSet& kernels, std::span<const LowRankSource> sources) {
  const std::map<std::string, graph::WeightId> ids = linear_weights(plan);
  std::size_t total = 0;
  for (const LowRankSource& source : sources) {
    const auto id = ids.find(source.weight);
    if (id == ids.end())
      throw UnsupportedModelError("adapter: no linear layer of the model has a weight " + source.weight);
    check(source, plan.weights[static_cast<std::size_t>(id->second)]);
    const LowRank factors{layout(kernels, source.rank, source.cols), layout(kernels, source.rows, source.rank)};
    if (!factors_.emplace(id->second, factors).second)
      throw InvalidArgument("adapter: there are two pairs of factors of " + source.weight);
    total += packed_bytes(factors.a) + packed_bytes(factors.b);
    max_rank_ = std::max(max_rank_, source.rank);
  }
  packed_ = AlignedBuffer(total);
  std::byte* at = packed_.data();
  for (const LowRankSource& source : sources) {
    LowRank& factors = factors_.at(ids.at(source.weight));
    pack(factors.a, source.a, at);
    at += packed_bytes(factors.a);
    pack(factors.b, source.b, at);
    at += packed_bytes(factors.b);
  }
}

bool Adapter::updates(const graph::LinearStep& step) const {
  return std::any_of(step.products.begin(), step.products.end(),
                     [this](const graph::Product& product) { return of(product.weight) != nullptr; });
}

void AdapterRows::group(std::span<const Adapter* const> adapters, std::size_t tile_rows) {
  rows.clear();
  panels.clear();
  begins.assign(1, 0);
  for (std::size_t first = 0; first < adapters.size(); first += tile_rows) {
    const std::size_t end = std::min(first + tile_rows, adapters.size()), begin = rows.size();
    for (std::size_t r = first; r < end; ++r)
      if (adapters[r]) rows.push_back(static_cast<std::int32_t>(r));
    const auto adapter_of = [&](std::int32_t r) { return adapters[static_cast<std::size_t>(r)]; };
    std::stable_sort(rows.begin() + static_cast<std::ptrdiff_t>(begin), rows.end(),
                     [&](std::int32_t a, std::int32_t b) { return std::less<>()(adapter_of(a), adapter_of(b)); });
    for (std::size_t at = begin; at < rows.size();) {
      const Adapter* adapter = adapter_of(rows[at]);
      int n = 0;
      while (n < kernels::kPanel && at + static_cast<std::size_t>(n) < rows.size() &&
             adapter_of(rows[at + static_cast<std::size_t>(n)]) == adapter)
        ++n;
      panels.push_back({adapter, static_cast<std::int32_t>(at), n});
      at += static_cast<std::size_t>(n);
    }
    begins.push_back(panels.size());
  }
}

}  // namespace llmagentos::runtime
