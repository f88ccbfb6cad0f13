// C++ errors become the classes of llmagentos.errors.
#include <new>
#include <string_view>

#include "base/error.h"
#include "bindings/bind.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

py::object error_type(const char* class_name) { return py::module_::import("llmagentos.errors").attr(class_name); }

// Paths in messages need not be UTF-8: such bytes come as surrogate escapes.
py::object message_text(std::string_view message) {
  PyObject* const text =
      PyUnicode_DecodeUTF8(message.data(), static_cast<py::ssize_t>(message.size()), "surrogateescape");
  if (!text) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(text);
}

}  // namespace

void raise_python(const char* class_name, const char* message) {
  PyErr_SetObject(error_type(class_name).ptr(), message_text(message).ptr());
}

std::string path_bytes(const py::object& path) {
  PyObject* converted = nullptr;
  if (!PyUnicode_FSConverter(path.ptr(), &converted)) throw py::error_already_set();
  return py::reinterpret_steal<py::bytes>(converted);
}

py::object path_text(std::string_view path) {
  PyObject* const text = PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<py::ssize_t>(path.size()));
  if (!text) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(text);
}

void bind_errors(py::module_& core) {
  static_cast<void>(core);
  py::register_exception_translator([](std::exception_ptr pending) {
    try {
      if (pending) std::rethrow_exception(pending);
    } catch (const ModelFormatError& error) {
      const py::object type = error_type("ModelFormatError");
      const py::object value = type(message_text(error.what()), path_text(error.path), error.offset);
      PyErr_SetObject(type.ptr(), value.ptr());
    } catch (const UnsupportedModelError& error) {
      raise_python("UnsupportedModelError", error.what());
    } catch (const InvalidArgument& error) {
      raise_python("InvalidRequestError", error.what());
    } catch (const OutOfMemoryError& error) {
      raise_python("OutOfMemoryError", error.what());
    } catch (const Error& error) {
      raise_python("LLMAgentOSError", error.what());
    } catch (const std::bad_alloc&) {
      raise_python("OutOfMemoryError", "the system gave no more memory");
    }
  });
}

}  // namespace llmagentos::bindings
