#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_kernels(pybind11::module_&) {}

}  // namespace llmagentos::bindings
