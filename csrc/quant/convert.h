// Rows of one weight format as rows of another.
#pragma once

#include <cstddef>
#include <vector>

#include "base/dtype.h"
#include "base/thread_pool.h"
#include "quant/formats.h"

namespace llmagentos {

class RowConverter {
 public:
  // `weights`: of the columns in the squared error (quant/formats.h), or nullptr. Throws InvalidArgument where `to` has
  // no encoder, or n_cols is no whole number of either format's blocks.
  RowConverter(DType from, DType to, std::size_t n_cols, const float* weights = nullptr);

  // One row. Throws InvalidArgument for a value that `to` cannot hold, naming its column.
  void operator()(const std::byte* row, std::byte* out);

  std::size_t row_bytes_in() const { return bytes_in_; }
  std::size_t row_bytes_out() const { return bytes_out_; }

 private:
  void check() const;

  const FormatOps &from_, &to_;
  std::size_t bytes_in_, bytes_out_;
  const float* weights_;
  std::vector<float> values_;
};

// All rows of a matrix, shared out over the pool's threads. Bytes are those of n_rows rows each and do not overlap.
void convert_rows(const std::byte* rows, DType from, std::byte* out, DType to, std::size_t n_rows, std::size_t n_cols,
                  const float* weights, ThreadPool& pool);

}  // namespace llmagentos
