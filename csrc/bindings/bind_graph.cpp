#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_graph(pybind11::module_&) {}

}  // namespace llmagentos::bindings
