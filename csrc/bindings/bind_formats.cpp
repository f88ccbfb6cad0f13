#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_formats(pybind11::module_&) {}

}  // namespace llmagentos::bindings
