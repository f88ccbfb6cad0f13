// Picks the kernels for this machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/table.h"

namespace llmagentos::kernels {

// What a run uses: the row-wise and attention kernels of one ISA, and a product per weight format.
class KernelSet {
 public:
  explicit KernelSet(const KernelTable& table);

  const KernelTable& table() const { return table_; }
  std::string_view isa() const { return table_.isa; }
  // The reference takes float32 activations for every format.
  bool is_reference() const { return table_.multiply_for == nullptr; }

  // The product for weights of this format with n_cols columns: this ISA's, or the reference where it has none or
  // where it disagreed with the reference when first used (a warning on stderr tells).
  MatmulKernel matmul(DType dtype, std::size_t n_cols) const;
  // The attention for this head size: the vector version needs whole vectors.
  Attend* attend(int head_dim) const;
  MergeAttention* merge_attention(int head_dim) const;
  StoreKv* store_kv(int head_dim) const;

 private:
  KernelTable table_;
};

// ISAs this build has and this machine runs, best first; "reference" is always the last.
std::vector<std::string> available_isas();

// The kernels for `isa`, those of rows and attention checked against the reference (self_check.h); an empty name takes
// LLMAGENTOS_ISA from the environment, or the best available. Throws InvalidArgument for one that is unknown or not
// available here.
KernelSet select_kernels(std::string_view isa = {});

}  // namespace llmagentos::kernels
