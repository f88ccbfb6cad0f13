#include "runtime/weights.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/error.h"
#include "base/page_merger.h"
#include "quant/convert.h"

namespace llmagentos::runtime {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

namespace {

const TensorSource& checked(const graph::WeightSpec& spec, const FindTensor& find) {
  const TensorSource* tensor = find(spec.name);
  if (!tensor) throw UnsupportedModelError("the file has no tensor " + spec.name + ", which its architecture needs");
  const std::vector<std::int64_t> wanted = spec.shape();
  const bool is_single_row = !spec.is_vector && spec.rows == 1 && tensor->shape == std::vector<std::int64_t>{spec.cols};
  if (tensor->shape != wanted && !is_single_row)
    throw UnsupportedModelError("tensor " + spec.name + " has shape " + shape_text(tensor->shape) +
                                ", its architecture needs " + shape_text(wanted));
  return *tensor;
}

// A tensor's bytes, as many as its shape has; it is one of the graph's, which keeps sizes within 64 bits.
TensorBytes opened(const TensorSource& tensor, const std::string& name) {
  std::size_t n_bytes = row_bytes(tensor.dtype, static_cast<std::size_t>(tensor.shape.back()));
  for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) n_bytes *= static_cast<std::size_t>(tensor.shape[i]);
  TensorBytes found = tensor.open();
  if (found.bytes.size() != n_bytes)
    throw InvalidArgument("tensor " + name + " of shape " + shape_text(tensor.shape) + " has " +
                          std::to_string(n_bytes) + " bytes, not the " + std::to_string(found.bytes.size()) +
                          " that were given");
  return found;
}

constexpr std::size_t kAlign = AlignedBuffer::kAlignment;
constexpr std::size_t kSliceBytes = std::size_t{16} << 20;

// Up to here weights begin in small pages. A virtual machine that gave its free memory back to its host gets a huge
// page again 4 KiB at a time, in 4 ms instead of 0.2; small pages are left from before, and cost little more than huge
// ones.
constexpr std::size_t kSmallPages = std::size_t{512} << 20;

// The first row, counted through all experts, of group `index`, counted likewise; one past the last for what ends
// there.
std::int64_t first_row(const PackedMatrix& matrix, std::int64_t index) {
  return index / matrix.n_groups() * matrix.rows + index % matrix.n_groups() * kernels::kRowGroup;
}

// Packs the row groups [begin, end) of a matrix whose rows are of `dtype` in the source.
void pack(const PackedMatrix& matrix, const std::byte* rows, DType dtype, std::int64_t begin, std::int64_t end,
          std::byte* groups, ThreadPool& pool) {
  constexpr std::int64_t kChunk = 8;
  const auto n_cols = static_cast<std::size_t>(matrix.cols);
  const std::size_t stride = row_bytes(dtype, n_cols), packed_stride = row_bytes(matrix.kernel.dtype, n_cols);
  std::atomic<std::int64_t> next = begin;
  pool.run([&](int) {
    std::optional<RowConverter> convert;
    std::vector<std::byte> converted;
    if (matrix.kernel.dtype != dtype) {
      convert.emplace(dtype, matrix.kernel.dtype, n_cols);
      converted.resize(packed_stride * kernels::kRowGroup);
    }
    for (std::int64_t first; (first = next.fetch_add(kChunk)) < end;)
      for (std::int64_t g = first; g < std::min(first + kChunk, end); ++g) {
        const std::int64_t row = first_row(matrix, g);
        const auto n_rows = static_cast<int>(first_row(matrix, g + 1) - row);
        const std::byte* at = rows + static_cast<std::size_t>(row) * stride;
        if (convert) {
          for (std::size_t r = 0; r < static_cast<std::size_t>(n_rows); ++r)
            (*convert)(at + r * stride, converted.data() + r * packed_stride);
          at = converted.data();
        }
        matrix.kernel.pack_group(at, packed_stride, n_rows, n_cols,
                                 groups + static_cast<std::size_t>(g) * matrix.group_bytes);
      }
  });
}

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

// What a tensor is packed as: as it is, or what it is to be quantised to.
DType packed_dtype(const graph::WeightSpec& spec, DType dtype, const QuantizeTo& quantize_to) {
  const auto found = quantize_to.find(spec.name);
  if (found == quantize_to.end()) return dtype;
  const DTypeInfo& info = dtype_info(found->second);
  if (!is_float(dtype) || !format_ops(found->second).encode ||
      static_cast<std::size_t>(spec.cols) % info.block_elements != 0)
    throw InvalidArgument("tensor " + spec.name + ": " + std::string(dtype_info(dtype).name) + " of " +
                          std::to_string(spec.cols) + " columns cannot be quantised to " + std::string(info.name));
  return found->second;
}

}  // namespace

Weights::Weights(const graph::Plan& plan, const FindTensor& find, const kernels::KernelSet& kernels, ThreadPool& pool,
                 const QuantizeTo& quantize_to) {
  matrices_.resize(plan.weights.size());
  vectors_.resize(plan.weights.size());

  // First every check and every size, so that a bad file fails before any work.
  std::vector<std::size_t> offsets(plan.weights.size());
  std::size_t total = 0;
  for (std::size_t id = 0; id < plan.weights.size(); ++id) {
    const graph::WeightSpec& spec = plan.weights[id];
    const TensorSource& tensor = checked(spec, find);
    if (spec.is_vector) continue;
    PackedMatrix& matrix = matrices_[id];
    matrix.kernel = kernels.matmul(packed_dtype(spec, tensor.dtype, quantize_to), static_cast<std::size_t>(spec.cols));
    matrix.rows = spec.rows;
    matrix.cols = spec.cols;
    matrix.n_experts = std::max<std::int64_t>(1, spec.n_experts);
    matrix.group_bytes = matrix.kernel.group_bytes(static_cast<std::size_t>(spec.cols));
    offsets[id] = total;
    const std::int64_t n_groups = matrix.n_experts * matrix.n_groups();
    total += (static_cast<std::size_t>(n_groups) * matrix.group_bytes + kAlign - 1) / kAlign * kAlign;
  }
  const bool small_first = total <= kSmallPages;
  packed_ = std::make_shared<AlignedBuffer>(total, small_first ? HugePages::on_request : HugePages::at_once);
  settled_ = !small_first;
  n_bytes_ = total;

  for (std::size_t id = 0; id < plan.weights.size(); ++id) {
    const graph::WeightSpec& spec = plan.weights[id];
    PackedMatrix& matrix = matrices_[id];
    const TensorSource& tensor = *find(spec.name);
    const TensorBytes source = opened(tensor, spec.name);
    if (spec.is_vector) {
      vectors_[id].resize(static_cast<std::size_t>(spec.cols * std::max<std::int64_t>(1, spec.n_experts)));
      format_ops(tensor.dtype).decode(source.bytes.data(), vectors_[id].data(), vectors_[id].size());
      n_bytes_ += vectors_[id].size() * sizeof(float);
      continue;
    }
    std::byte* base = packed_->data() + offsets[id];
    matrix.groups = base;
    const std::size_t stride = row_bytes(tensor.dtype, static_cast<std::size_t>(spec.cols));
    // Slice by slice, each dropped from the map when it is packed: an embedding is most of a small model, and would
    // otherwise be in memory twice.
    const std::int64_t slice = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(kSliceBytes / (stride * static_cast<std::size_t>(kernels::kRowGroup))));
    const std::int64_t n_groups = matrix.n_experts * matrix.n_groups();
    for (std::int64_t begin = 0; begin < n_groups; begin += slice) {
      const std::int64_t end = std::min(begin + slice, n_groups);
      try {
        pack(matrix, source.bytes.data(), tensor.dtype, begin, end, base, pool);
      } catch (const InvalidArgument& error) {
        throw InvalidArgument("tensor " + spec.name + ": " + error.what());
      }
      const auto first = static_cast<std::size_t>(first_row(matrix, begin)) * stride;
      if (source.drop) source.drop(first, static_cast<std::size_t>(first_row(matrix, end)) * stride - first);
    }
  }
  if (small_first) packed_->use_huge_pages();
}

void Weights::settle() {
  if (settled_) return;
  settled_ = true;
  merge_pages_in_background(packed_);
}

}  // namespace llmagentos::runtime
