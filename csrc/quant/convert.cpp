#include "quant/convert.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <string>

#include "base/error.h"

namespace llmagentos {
namespace {

constexpr float kHalfBound = 65520.0f;  // from here on rounding to f16 gives infinity

}  // namespace

RowConverter::RowConverter(DType from, DType to, std::size_t n_cols, const float* weights)
    : from_(format_ops(from)),
      to_(format_ops(to)),
      bytes_in_(row_bytes(from, n_cols)),
      bytes_out_(row_bytes(to, n_cols)),
      weights_(weights),
      values_(n_cols) {
  if (!to_.encode && from != to)
    throw InvalidArgument("this build decodes " + std::string(dtype_info(to).name) + " and does not encode it");
}

void RowConverter::operator()(const std::byte* row, std::byte* out) {
  if (from_.dtype == to_.dtype) {
    std::memcpy(out, row, bytes_in_);
    return;
  }
  from_.decode(row, values_.data(), values_.size());
  check();
  to_.encode(values_.data(), weights_, out, values_.size());
}

void RowConverter::check() const {
  const DTypeInfo& info = dtype_info(to_.dtype);
  if (to_.dtype != DType::f16 && info.block_elements == 1) return;  // F32 and BF16 hold infinities and NaN too
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (!std::isfinite(values_[i]) || (to_.dtype == DType::f16 && std::fabs(values_[i]) >= kHalfBound))
      throw InvalidArgument("the value " + std::to_string(values_[i]) + " in column " + std::to_string(i) +
                            " cannot be held in " + std::string(info.name));
}

void convert_rows(const std::byte* rows, DType from, std::byte* out, DType to, std::size_t n_rows, std::size_t n_cols,
                  const float* weights, ThreadPool& pool) {
  constexpr std::size_t kChunk = 8;
  std::atomic<std::size_t> next{0};
  pool.run([&](int) {
    RowConverter convert(from, to, n_cols, weights);
    for (std::size_t first; (first = next.fetch_add(kChunk)) < n_rows;)
      for (std::size_t r = first; r < std::min(first + kChunk, n_rows); ++r)
        convert(rows + r * convert.row_bytes_in(), out + r * convert.row_bytes_out());
  });
}

}  // namespace llmagentos
