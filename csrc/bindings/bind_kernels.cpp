// _core.kernels: how fast this machine is at best.
#include "base/thread_pool.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "runtime/machine_limits.h"

namespace py = pybind11;

namespace llmagentos::bindings {

void bind_kernels(py::module_& core) {
  py::module_ kernels = core.def_submodule("kernels", "How fast this machine's kernels could be at best.");
  using namespace runtime;
  const auto released = py::call_guard<ReleasedGil>();
  kernels.def("measure_fma", &measure_fma, py::arg("pool"), py::arg("seconds"), py::arg("isa") = "", released);
  kernels.def("measure_dot", &measure_dot, py::arg("pool"), py::arg("seconds"), py::arg("isa") = "", released);
  kernels.def("measure_read", &measure_read, py::arg("pool"), py::arg("seconds"), py::arg("n_bytes"),
              py::arg("isa") = "", released);
}

}  // namespace llmagentos::bindings
