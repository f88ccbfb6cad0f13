#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/thread_pool.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "quant/convert.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

using FloatArray = py::array_t<float, py::array::c_style>;

const DTypeInfo& dtype_named(const std::string& name) {
  const DTypeInfo* const info = find_dtype(std::string_view(name));
  if (!info) throw InvalidArgument("dtype: unknown weight format '" + name + "'");
  return *info;
}

std::vector<std::tuple<std::string_view, std::uint32_t, std::size_t, std::size_t>> dtypes() {
  std::size_t count = 0;
  const DTypeInfo* const table = dtype_table(count);
  std::vector<std::tuple<std::string_view, std::uint32_t, std::size_t, std::size_t>> rows;
  for (std::size_t i = 0; i < count; ++i)
    rows.emplace_back(table[i].name, static_cast<std::uint32_t>(table[i].dtype), table[i].block_elements,
                      table[i].block_bytes);
  return rows;
}

// The buffer's bytes, aligned as decoders need them.
class AlignedBytes {
 public:
  AlignedBytes(const py::buffer& data, std::size_t wanted) : view_(data.request()) {
    if (!PyBuffer_IsContiguous(view_.view(), 'C')) throw InvalidArgument("data: the buffer is not contiguous");
    const auto n_bytes = static_cast<std::size_t>(view_.size * view_.itemsize);
    if (n_bytes != wanted)
      throw InvalidArgument("data: " + std::to_string(n_bytes) + " bytes, not " + std::to_string(wanted));
    if (reinterpret_cast<std::uintptr_t>(view_.ptr) % alignof(float) == 0) return;
    moved_.reset(new std::byte[n_bytes]);
    std::memcpy(moved_.get(), view_.ptr, n_bytes);
  }
  const std::byte* get() const { return moved_ ? moved_.get() : static_cast<const std::byte*>(view_.ptr); }

 private:
  py::buffer_info view_;
  std::unique_ptr<std::byte[]> moved_;
};

FloatArray dequantize(const py::buffer& data, const std::string& dtype, py::ssize_t n) {
  const DTypeInfo& info = dtype_named(dtype);
  if (n < 0) throw InvalidArgument("n: " + std::to_string(n) + " is negative");
  const AlignedBytes bytes(data, row_bytes(info.dtype, static_cast<std::size_t>(n)));
  FloatArray out(n);
  float* const values = out.mutable_data();
  {
    const ReleasedGil unlocked;
    format_ops(info.dtype).decode(bytes.get(), values, static_cast<std::size_t>(n));
  }
  return out;
}

// The columns' weights in the squared error: nullptr for 1 each.
const float* checked_weights(const std::optional<FloatArray>& weights, std::size_t n) {
  if (!weights) return nullptr;
  if (static_cast<std::size_t>(weights->size()) != n)
    throw InvalidArgument("weights: " + std::to_string(weights->size()) + " for " + std::to_string(n) + " columns");
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isfinite(weights->data()[i]) || weights->data()[i] <= 0.0f)
      throw InvalidArgument("weights: " + std::to_string(weights->data()[i]) + " at " + std::to_string(i) +
                            " is not positive and finite");
  return weights->data();
}

py::bytes quantize(const FloatArray& values, const std::string& dtype, const std::optional<FloatArray>& weights) {
  const DTypeInfo& info = dtype_named(dtype);
  const EncodeRow encode = format_ops(info.dtype).encode;
  if (!encode) throw InvalidArgument("dtype: this build decodes " + dtype + " and does not encode it");
  if (values.ndim() != 1) throw InvalidArgument("values: " + std::to_string(values.ndim()) + " dimensions, not 1");
  const auto n = static_cast<std::size_t>(values.size());
  const std::size_t n_bytes = row_bytes(info.dtype, n);
  const float* const in = values.data();
  const float* const given = checked_weights(weights, n);
  if (info.block_elements > 1)
    for (std::size_t i = 0; i < n; ++i)
      if (!std::isfinite(in[i]))
        throw InvalidArgument("values: " + std::to_string(in[i]) + " at " + std::to_string(i) + " cannot be quantised");
  const std::unique_ptr<std::byte[]> blocks(new std::byte[n_bytes]);
  {
    const ReleasedGil unlocked;
    encode(in, given, blocks.get(), n);
  }
  return py::bytes(reinterpret_cast<const char*>(blocks.get()), n_bytes);
}

py::array_t<std::uint8_t> convert(const py::buffer& data, const std::string& from, const std::string& to,
                                  py::ssize_t n_rows, py::ssize_t n_cols, ThreadPool& pool,
                                  const std::optional<FloatArray>& weights) {
  const DType from_dtype = dtype_named(from).dtype, to_dtype = dtype_named(to).dtype;
  if (n_rows < 0 || n_cols < 1)
    throw InvalidArgument("n_rows, n_cols: " + std::to_string(n_rows) + " by " + std::to_string(n_cols));
  const auto rows = static_cast<std::size_t>(n_rows), cols = static_cast<std::size_t>(n_cols);
  const AlignedBytes bytes(data, rows * row_bytes(from_dtype, cols));
  const float* const given = checked_weights(weights, cols);
  py::array_t<std::uint8_t> out(static_cast<py::ssize_t>(rows * row_bytes(to_dtype, cols)));
  auto* const to_bytes = reinterpret_cast<std::byte*>(out.mutable_data());
  {
    const ReleasedGil unlocked;
    convert_rows(bytes.get(), from_dtype, to_bytes, to_dtype, rows, cols, given, pool);
  }
  return out;
}

}  // namespace

void bind_quant(py::module_& core) {
  py::module_ quant = core.def_submodule("quant", "Weight block formats: reference decode and encode.");
  quant.def("dtypes", &dtypes);
  quant.def("dequantize", &dequantize, py::arg("data"), py::arg("dtype"), py::arg("n"));
  quant.def("quantize", &quantize, py::arg("values").noconvert(), py::arg("dtype"), py::arg("weights") = py::none());
  quant.def("convert", &convert, py::arg("data"), py::arg("from_dtype"), py::arg("to_dtype"), py::arg("n_rows"),
            py::arg("n_cols"), py::arg("pool"), py::arg("weights") = py::none());
}

}  // namespace llmagentos::bindings
