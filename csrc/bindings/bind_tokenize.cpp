#include "bindings/bind.h"

namespace llmagentos::bindings {

void bind_tokenize(pybind11::module_&) {}

}  // namespace llmagentos::bindings
