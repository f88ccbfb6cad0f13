#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "bindings/bind.h"
#include "quant/formats.h"

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

FloatArray dequantize(const py::buffer& data, const std::string& dtype, py::ssize_t n) {
  const DTypeInfo& info = dtype_named(dtype);
  if (n < 0) throw InvalidArgument("n: " + std::to_string(n) + " is negative");
  const py::buffer_info view = data.request();
  const std::size_t n_bytes = static_cast<std::size_t>(view.size * view.itemsize);
  const std::size_t wanted = row_bytes(info.dtype, static_cast<std::size_t>(n));
  if (!PyBuffer_IsContiguous(view.view(), 'C')) throw InvalidArgument("data: the buffer is not contiguous");
  if (n_bytes != wanted)
    throw InvalidArgument("data: " + std::to_string(n_bytes) + " bytes, but " + std::to_string(n) + " values of " +
                          dtype + " take " + std::to_string(wanted));
  FloatArray out(n);
  float* const values = out.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    // Decoders read whole fields: a view that starts at an odd byte is moved first.
    const bool aligned = reinterpret_cast<std::uintptr_t>(view.ptr) % alignof(float) == 0;
    const std::unique_ptr<std::byte[]> moved(aligned ? nullptr : new std::byte[n_bytes]);
    if (moved) std::memcpy(moved.get(), view.ptr, n_bytes);
    format_ops(info.dtype).decode(moved ? moved.get() : view.ptr, values, static_cast<std::size_t>(n));
  }
  return out;
}

py::bytes quantize(const FloatArray& values, const std::string& dtype) {
  const DTypeInfo& info = dtype_named(dtype);
  const EncodeRow encode = format_ops(info.dtype).encode;
  if (!encode) throw InvalidArgument("dtype: this build decodes " + dtype + " and does not encode it");
  if (values.ndim() != 1) throw InvalidArgument("values: " + std::to_string(values.ndim()) + " dimensions, not 1");
  const auto n = static_cast<std::size_t>(values.size());
  const std::size_t n_bytes = row_bytes(info.dtype, n);
  const float* const in = values.data();
  if (info.block_elements > 1)
    for (std::size_t i = 0; i < n; ++i)
      if (!std::isfinite(in[i]))
        throw InvalidArgument("values: " + std::to_string(in[i]) + " at " + std::to_string(i) + " cannot be quantised");
  const std::unique_ptr<std::byte[]> blocks(new std::byte[n_bytes]);
  {
    const py::gil_scoped_release unlocked;
    encode(in, blocks.get(), n);
  }
  return py::bytes(reinterpret_cast<const char*>(blocks.get()), n_bytes);
}

}  // namespace

void bind_quant(py::module_& core) {
  py::module_ quant = core.def_submodule("quant", "Weight block formats: reference decode and encode.");
  quant.def("dtypes", &dtypes);
  quant.def("dequantize", &dequantize, py::arg("data"), py::arg("dtype"), py::arg("n"));
  quant.def("quantize", &quantize, py::arg("values").noconvert(), py::arg("dtype"));
}

}  // namespace llmagentos::bindings
