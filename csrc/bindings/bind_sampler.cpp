#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_sampler(pybind11::module_&) {}

}  // namespace llmagentos::bindings
