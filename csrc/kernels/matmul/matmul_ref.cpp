// The plain product: decode a row, multiply in float32. The oracle, and the fallback for formats without a fast kernel.
#include <cstring>

#include "base/dtype.h"
#include "kernels/matmul/packing.h"
#include "quant/formats.h"

namespace llmagentos::kernels {
namespace {

template <DType kDType>
std::size_t group_bytes(std::size_t n_cols) {
  return row_bytes(kDType, n_cols) * kRowGroup;
}

template <DType kDType>
void pack_group(const std::byte* rows, std::size_t row_stride, int n_rows, std::size_t n_cols, std::byte* group) {
  const std::size_t bytes = row_bytes(kDType, n_cols);
  std::memset(group, 0, bytes * kRowGroup);
  for (int row = 0; row < n_rows; ++row)
    std::memcpy(group + static_cast<std::size_t>(row) * bytes, rows + static_cast<std::size_t>(row) * row_stride,
                bytes);
}

template <DType kDType>
void decode_row(const std::byte* group, int row, std::size_t n_cols, float* out) {
  format_ops(kDType).decode(group + static_cast<std::size_t>(row) * row_bytes(kDType, n_cols), out, n_cols);
}

// Sixteen partial sums, each over every sixteenth k in sequence: less rounding error than one, and it vectorises.
float dot(const float* a, const float* b, std::size_t n) {
  float partial[16] = {};
  std::size_t k = 0;
  for (; k + 16 <= n; k += 16)
    for (int i = 0; i < 16; ++i) partial[i] += a[k + static_cast<std::size_t>(i)] * b[k + static_cast<std::size_t>(i)];
  float sum = 0;
  for (; k < n; ++k) sum += a[k] * b[k];
  for (int i = 0; i < 16; ++i) sum += partial[i];
  return sum;
}

template <DType kDType>
void multiply(const std::byte* groups, int n_groups, const MatmulInput& x, int first_token, int n_tokens,
              std::size_t n_cols, float* out, std::ptrdiff_t out_stride, float* scratch) {
  for (int row = 0; row < n_groups * kRowGroup; ++row) {
    decode_row<kDType>(groups + static_cast<std::size_t>(row / kRowGroup) * group_bytes<kDType>(n_cols),
                       row % kRowGroup, n_cols, scratch);
    for (int t = 0; t < n_tokens; ++t) {
      const std::ptrdiff_t at = x.rows ? x.rows[first_token + t] : first_token + t;
      out[t * out_stride + row] = dot(scratch, x.values + at * x.value_stride, n_cols);
    }
  }
}

template <DType kDType>
MatmulKernel kernel() {
  return {kDType, Activation::f32, group_bytes<kDType>, pack_group<kDType>, decode_row<kDType>, multiply<kDType>};
}

}  // namespace

MatmulKernel reference_matmul(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return kernel<DType::f32>();
    case DType::f16:
      return kernel<DType::f16>();
    case DType::bf16:
      return kernel<DType::bf16>();
    case DType::q4_0:
      return kernel<DType::q4_0>();
    case DType::q4_1:
      return kernel<DType::q4_1>();
    case DType::q5_0:
      return kernel<DType::q5_0>();
    case DType::q5_1:
      return kernel<DType::q5_1>();
    case DType::q8_0:
      return kernel<DType::q8_0>();
    case DType::q2_k:
      return kernel<DType::q2_k>();
    case DType::q3_k:
      return kernel<DType::q3_k>();
    case DType::q4_k:
      return kernel<DType::q4_k>();
    case DType::q5_k:
      return kernel<DType::q5_k>();
    case DType::q6_k:
      return kernel<DType::q6_k>();
    case DType::iq4_nl:
      return kernel<DType::iq4_nl>();
    case DType::iq4_xs:
      return kernel<DType::iq4_xs>();
    case DType::mxfp4:
      return kernel<DType::mxfp4>();
  }
  return {};
}

}  // namespace llmagentos::kernels
