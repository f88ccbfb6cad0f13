// A model's weights in memory: matrices packed for the chosen kernels, vectors as float32.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "graph/plan.h"
#include "kernels/registry.h"

namespace llmagentos::runtime {

// "[2, 3]", as errors name shapes.
std::string shape_text(const std::vector<std::int64_t>& shape);

// A tensor's bytes, rows one after the other, for as long as `owner` lives. `drop` gives the mapped pages of a part
// back, in bytes from the tensor's beginning; it is empty for memory that is no file's.
struct TensorBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::function<void(std::size_t offset, std::size_t n_bytes)> drop;
};

// A tensor of a checkpoint.
struct TensorSource {
  std::vector<std::int64_t> shape;  // outermost first
  DType dtype = DType::f32;
  std::function<TensorBytes()> open;
};

using FindTensor = std::function<const TensorSource*(const std::string& name)>;

// Formats that matrices of floats are quantised to while they are packed, by name.
using QuantizeTo = std::map<std::string, DType, std::less<>>;

// One matrix, or as many of one shape as a tensor has experts. A group of rows never spans two of them.
struct PackedMatrix {
  kernels::MatmulKernel kernel;
  std::int64_t rows = 0, cols = 0;  // of each
  std::int64_t n_experts = 1;
  std::size_t group_bytes = 0;
  const std::byte* groups = nullptr;

  std::int64_t n_groups() const { return (rows + kernels::kRowGroup - 1) / kernels::kRowGroup; }
  const std::byte* group(std::int64_t index, std::int64_t expert = 0) const {
    return groups + static_cast<std::size_t>(expert * n_groups() + index) * group_bytes;
  }
};

class Weights {
 public:
  // Packs what the plan uses, in parallel, and drops the mapped pages of each part of a tensor that is packed: memory
  // holds one copy. A matrix of one row may be a vector there. Throws UnsupportedModelError for a missing tensor or one
  // of another shape than the plan's, naming both, and InvalidArgument for a tensor that cannot be quantised as asked
  // or whose bytes are not those of its shape.
  Weights(const graph::Plan& plan, const FindTensor& find, const kernels::KernelSet& kernels, ThreadPool& pool,
          const QuantizeTo& quantize_to = {});

  const PackedMatrix& matrix(graph::WeightId id) const { return matrices_[static_cast<std::size_t>(id)]; }
  const float* vector(graph::WeightId id) const { return vectors_[static_cast<std::size_t>(id)].data(); }
  std::size_t n_bytes() const { return n_bytes_; }

  // To be called when something has run: memory that was left in small pages, for an early first token, is merged into
  // huge ones, in the background.
  void settle();

 private:
  std::shared_ptr<AlignedBuffer> packed_;
  bool settled_ = true;
  std::vector<PackedMatrix> matrices_;       // by weight id; empty where the weight is a vector
  std::vector<std::vector<float>> vectors_;  // by weight id; empty where it is a matrix
  std::size_t n_bytes_ = 0;
};

}  // namespace llmagentos::runtime
