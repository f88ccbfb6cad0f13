// One function per area; each adds its submodule to _core. Bindings convert, release the GIL and hold no logic.
#pragma once

#include <pybind11/pybind11.h>

namespace llmagentos::bindings {

void bind_errors(pybind11::module_& core);
void bind_quant(pybind11::module_& core);
void bind_formats(pybind11::module_& core);
void bind_tokenize(pybind11::module_& core);
void bind_kernels(pybind11::module_& core);
void bind_graph(pybind11::module_& core);
void bind_runtime(pybind11::module_& core);
void bind_sampler(pybind11::module_& core);

}  // namespace llmagentos::bindings
