#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_runtime(pybind11::module_&) {}

}  // namespace llmagentos::bindings
