#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_quant(pybind11::module_&) {}

}  // namespace llmagentos::bindings
