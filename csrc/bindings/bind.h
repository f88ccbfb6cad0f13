// One function per area; each adds its submodule to _core. Bindings convert, release the GIL and hold no logic.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <string_view>

namespace llmagentos {
class GgufFile;
struct GgufTensor;
}  // namespace llmagentos

namespace llmagentos::bindings {

// What a memoryview of a GGUF tensor's data holds on to.
struct GgufBytes {
  std::shared_ptr<const GgufFile> file;
  const GgufTensor* tensor;
};

// Sets the pending Python exception: a class of llmagentos.errors by its name.
void raise_python(const char* class_name, const char* message);

// A file's path as the system has it and as Python has it (os.fsencode, os.fsdecode): it need not be UTF-8.
std::string path_bytes(const pybind11::object& path);
pybind11::object path_text(std::string_view path);

void bind_errors(pybind11::module_& core);
void bind_quant(pybind11::module_& core);
void bind_formats(pybind11::module_& core);
void bind_tokenize(pybind11::module_& core);
void bind_kernels(pybind11::module_& core);
void bind_graph(pybind11::module_& core);
void bind_runtime(pybind11::module_& core);
void bind_sampler(pybind11::module_& core);

}  // namespace llmagentos::bindings
