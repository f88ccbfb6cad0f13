#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <optional>

#include "bindings/bind.h"
#include "bindings/gil.h"
#include "formats/byte_reader.h"
#include "formats/gguf.h"
#include "formats/gguf_parse.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

struct TensorInfo {
  std::string name;
  std::string_view dtype;
  py::tuple shape;
  std::uint64_t offset;
  std::uint64_t n_bytes;
};

// Bytes that are not UTF-8 come as surrogate escapes, so that every text can be turned back into its bytes.
py::object to_python(std::string_view text) {
  PyObject* const decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "surrogateescape");
  if (!decoded) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(decoded);
}

template <typename T>
py::object number(const std::byte* at) {
  return py::cast(load<T>(at));
}

py::object scalar_to_python(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::u8:
      return number<std::uint8_t>(at);
    case GgufType::i8:
      return number<std::int8_t>(at);
    case GgufType::u16:
      return number<std::uint16_t>(at);
    case GgufType::i16:
      return number<std::int16_t>(at);
    case GgufType::u32:
      return number<std::uint32_t>(at);
    case GgufType::i32:
      return number<std::int32_t>(at);
    case GgufType::u64:
      return number<std::uint64_t>(at);
    case GgufType::i64:
      return number<std::int64_t>(at);
    case GgufType::f32:
      return number<float>(at);
    case GgufType::f64:
      return number<double>(at);
    case GgufType::boolean:
      return py::bool_(load<std::uint8_t>(at) != 0);
    default:
      return py::none();
  }
}

py::object get(const GgufFile& file, const std::string& key) {
  const GgufValue* const value = file.value(key);
  if (!value) return py::none();
  if (value->is_array())
    throw ModelFormatError(
        quoted(key) + " is an array of " + std::to_string(value->count) + " elements where a single value belongs",
        file.path(), file.offset_of(value->data));
  if (value->type == GgufType::string) return to_python(*file.string(key));
  return scalar_to_python(value->type, value->data);
}

py::object array(const GgufFile& file, const std::string& key) {
  const GgufValue* const value = file.value(key);
  if (!value) return py::none();
  if (!value->is_array())
    throw ModelFormatError(quoted(key) + " is a single value where an array belongs", file.path(),
                           file.offset_of(value->data));
  py::list list(value->count);
  if (value->element_type == GgufType::string) {
    const std::vector<std::string_view> texts = file.string_array(key);
    for (std::size_t i = 0; i < texts.size(); ++i) list[i] = to_python(texts[i]);
  } else {
    const std::size_t element_bytes = gguf_type_bytes(value->element_type);
    for (std::uint64_t i = 0; i < value->count; ++i)
      list[i] = scalar_to_python(value->element_type, value->data + i * element_bytes);
  }
  return list;
}

py::object array_length(const GgufFile& file, const std::string& key) {
  const GgufValue* const value = file.value(key);
  return value && value->is_array() ? py::object(py::int_(value->count)) : py::none();
}

std::vector<std::string_view> keys(const GgufFile& file) {
  std::vector<std::string_view> names;
  for (const GgufKeyValue& entry : file.metadata()) names.push_back(entry.key);
  return names;
}

std::optional<std::pair<std::string_view, std::string_view>> value_type(const GgufFile& file, const std::string& key) {
  const GgufValue* const value = file.value(key);
  if (!value) return std::nullopt;
  return std::pair(gguf_type_name(value->type), gguf_type_name(value->element_type));
}

TensorInfo info_of(const GgufTensor& tensor) {
  return {std::string(tensor.name), dtype_info(tensor.dtype).name, py::tuple(py::cast(tensor.shape)), tensor.offset,
          tensor.n_bytes};
}

std::vector<TensorInfo> tensors(const GgufFile& file) {
  std::vector<TensorInfo> infos;
  for (const GgufTensor& tensor : file.tensors()) infos.push_back(info_of(tensor));
  return infos;
}

std::optional<TensorInfo> tensor(const GgufFile& file, const std::string& name) {
  const GgufTensor* const found = file.find(name);
  return found ? std::optional(info_of(*found)) : std::nullopt;
}

std::vector<std::string_view> tensor_names(const GgufFile& file) {
  std::vector<std::string_view> names;
  for (const GgufTensor& tensor : file.tensors()) names.push_back(tensor.name);
  return names;
}

std::uint64_t n_values(const GgufFile& file) {
  std::uint64_t total = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    std::uint64_t product = 1;  // the reader has checked that it fits
    for (const std::uint64_t size : tensor.shape) product *= size;
    total += product;
  }
  return total;
}

std::map<std::string_view, std::uint64_t> bytes_per_dtype(const GgufFile& file) {
  std::map<std::string_view, std::uint64_t> bytes;
  for (const GgufTensor& tensor : file.tensors()) bytes[dtype_info(tensor.dtype).name] += tensor.n_bytes;
  return bytes;
}

py::object tensor_data(const std::shared_ptr<const GgufFile>& file, const std::string& name) {
  const GgufTensor* const tensor = file->find(name);
  if (!tensor) throw InvalidArgument(file->path() + " has no tensor " + quoted(name));
  return py::memoryview(py::cast(GgufBytes{file, tensor}));
}

py::buffer_info buffer_of(const GgufBytes& bytes) {
  return py::buffer_info(const_cast<std::byte*>(bytes.tensor->data), 1, "B", 1,
                         {static_cast<py::ssize_t>(bytes.tensor->n_bytes)}, {1}, /*readonly=*/true);
}

}  // namespace

void bind_formats(py::module_& core) {
  py::module_ formats = core.def_submodule("formats", "Readers of model files.");
  py::register_exception_translator([](std::exception_ptr pending) {
    try {
      if (pending) std::rethrow_exception(pending);
    } catch (const FileOpenError& error) {
      raise_python("ModelNotFoundError", error.what());
    }
  });

  py::class_<GgufBytes>(formats, "GgufBytes", py::buffer_protocol()).def_buffer(&buffer_of);
  py::class_<TensorInfo>(formats, "TensorInfo")
      .def_readonly("name", &TensorInfo::name)
      .def_readonly("dtype", &TensorInfo::dtype)
      .def_readonly("shape", &TensorInfo::shape)
      .def_readonly("offset", &TensorInfo::offset)
      .def_readonly("n_bytes", &TensorInfo::n_bytes)
      .def("__repr__", [](const TensorInfo& info) {
        return py::str("TensorInfo(name={!r}, dtype={!r}, shape={!r}, offset={}, n_bytes={})")
            .format(info.name, info.dtype, info.shape, info.offset, info.n_bytes);
      });
  py::class_<GgufFile, std::shared_ptr<GgufFile>>(formats, "GgufFile")
      .def(py::init([](const py::object& path) {
             std::string bytes = path_bytes(path);
             const ReleasedGil unlocked;
             return std::make_shared<GgufFile>(std::move(bytes));
           }),
           py::arg("path"))
      .def_property_readonly("path", [](const GgufFile& file) { return path_text(file.path()); })
      .def_property_readonly("version", &GgufFile::version)
      .def_property_readonly("n_bytes", &GgufFile::n_bytes)
      .def_property_readonly("tensors", &tensors)
      .def_property_readonly("n_tensors", [](const GgufFile& file) { return file.tensors().size(); })
      .def_property_readonly("n_values", &n_values)
      .def_property_readonly("bytes_per_dtype", &bytes_per_dtype)
      .def("tensor", &tensor, py::arg("name"))
      .def("tensor_names", &tensor_names)
      .def("keys", &keys)
      .def("get", &get, py::arg("key"))
      .def("array", &array, py::arg("key"))
      .def("array_length", &array_length, py::arg("key"))
      .def("value_type", &value_type, py::arg("key"))
      .def("tensor_data", &tensor_data, py::arg("name"));
}

}  // namespace llmagentos::bindings
