// A model's weights in memory: matrices packed for the chosen kernels, vectors as float32.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "graph/plan.h"
#include "kernels/registry.h"

namespace llmagentos::runtime {

// A tensor of a file, as its bytes lie there. `drop` gives the mapped pages of a part back, in bytes from
// the tensor's beginning; it may be empty.
struct TensorSource {
  std::vector<std::int64_t> shape;  // outermost first
  DType dtype = DType::f32;
  const std::byte* data = nullptr;
  std::function<void(std::size_t offset, std::size_t n_bytes)> drop;
};

using FindTensor = std::function<const TensorSource*(const std::string& name)>;

struct PackedMatrix {
  kernels::MatmulKernel kernel;
  std::int64_t rows = 0, cols = 0;
  std::size_t group_bytes = 0;
  const std::byte* groups = nullptr;

  std::int64_t n_groups() const { return (rows + kernels::kRowGroup - 1) / kernels::kRowGroup; }
  const std::byte* group(std::int64_t index) const { return groups + static_cast<std::size_t>(index) * group_bytes; }
};

class Weights {
 public:
  // Packs what the plan uses, in parallel, and drops the mapped pages of each part of a tensor that is packed: memory
  // holds one copy. Throws UnsupportedModelError for a missing tensor or one of another shape than the plan's, naming both.
  Weights(const graph::Plan& plan, const FindTensor& find, const kernels::KernelSet& kernels, ThreadPool& pool);

  const PackedMatrix& matrix(graph::WeightId id) const { return matrices_[static_cast<std::size_t>(id)]; }
  const float* vector(graph::WeightId id) const { return vectors_[static_cast<std::size_t>(id)].data(); }
  std::size_t n_bytes() const { return n_bytes_; }

 private:
  AlignedBuffer packed_;
  std::vector<PackedMatrix> matrices_;       // by weight id; empty where the weight is a vector
  std::vector<std::vector<float>> vectors_;  // by weight id; empty where it is a matrix
  std::size_t n_bytes_ = 0;
};

}  // namespace llmagentos::runtime
