// C++ errors become the classes of llmagentos.errors.
#include <new>

#include "base/error.h"
#include "bindings/bind.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

void raise(const char* class_name, const char* message) {
  const py::object type = py::module_::import("llmagentos.errors").attr(class_name);
  PyErr_SetString(type.ptr(), message);
}

}  // namespace

void bind_errors(py::module_& core) {
  static_cast<void>(core);
  py::register_exception_translator([](std::exception_ptr pending) {
    try {
      if (pending) std::rethrow_exception(pending);
    } catch (const ModelFormatError& error) {
      const py::object type = py::module_::import("llmagentos.errors").attr("ModelFormatError");
      const py::object value = type(error.what(), error.path, error.offset);
      PyErr_SetObject(type.ptr(), value.ptr());
    } catch (const UnsupportedModelError& error) {
      raise("UnsupportedModelError", error.what());
    } catch (const InvalidArgument& error) {
      raise("InvalidRequestError", error.what());
    } catch (const OutOfMemoryError& error) {
      raise("OutOfMemoryError", error.what());
    } catch (const Error& error) {
      raise("LLMAgentOSError", error.what());
    } catch (const std::bad_alloc&) {
      raise("OutOfMemoryError", "the system gave no more memory");
    }
  });
}

}  // namespace llmagentos::bindings
