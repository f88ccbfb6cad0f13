// _core.graph: the builder that python/llmagentos/models writes architectures with.
#include <pybind11/stl.h>

#include "base/error.h"
#include "bindings/bind.h"
#include "graph/graph.h"
#include "graph/plan.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

using graph::Graph;

kernels::ActivationKind activation_named(const std::string& name) {
  if (name == "silu") return kernels::ActivationKind::silu;
  if (name == "gelu_tanh") return kernels::ActivationKind::gelu_tanh;
  throw InvalidArgument("activation \"" + name + "\" is not one of silu, gelu_tanh");
}

kernels::RopePairs pairs_named(const std::string& name) {
  if (name == "halves") return kernels::RopePairs::halves;
  if (name == "adjacent") return kernels::RopePairs::adjacent;
  throw InvalidArgument("rope pairs \"" + name + "\" is not one of halves, adjacent");
}

}  // namespace

void bind_graph(py::module_& core) {
  py::module_ m = core.def_submodule("graph", "Models as graphs of ops.");

  py::class_<graph::RopeParams>(m, "RopeParams")
      .def(py::init([](int n_dims, float base, float position_scale, const std::string& pairs) {
             return graph::RopeParams{base, position_scale, n_dims, pairs_named(pairs)};
           }),
           py::kw_only(), py::arg("n_dims"), py::arg("base"), py::arg("position_scale") = 1.0f,
           py::arg("pairs") = "halves");

  py::class_<Graph>(m, "Graph")
      .def(py::init<>())
      .def("embed", &Graph::embed, py::arg("weight"), py::arg("vocab_size"), py::arg("width"))
      .def("linear", &Graph::linear, py::arg("x"), py::arg("weight"), py::arg("out_width"))
      .def("rms_norm", &Graph::rms_norm, py::arg("x"), py::arg("weight"), py::arg("eps"), py::arg("head_dim") = 0)
      .def("rope", &Graph::rope, py::arg("x"), py::arg("head_dim"), py::arg("params"))
      .def(
          "attention",
          [](Graph& g, graph::ValueId q, graph::ValueId k, graph::ValueId v, int layer, int n_heads, int n_kv_heads,
             int head_dim, float scale, float softcap, int window) {
            return g.attention(q, k, v, {layer, n_heads, n_kv_heads, head_dim, scale, softcap, window});
          },
          py::arg("q"), py::arg("k"), py::arg("v"), py::kw_only(), py::arg("layer"), py::arg("n_heads"),
          py::arg("n_kv_heads"), py::arg("head_dim"), py::arg("scale"), py::arg("softcap") = 0.0f,
          py::arg("window") = 0)
      .def(
          "glu",
          [](Graph& g, graph::ValueId gate, graph::ValueId up, const std::string& activation) {
            return g.glu(gate, up, activation_named(activation));
          },
          py::arg("gate"), py::arg("up"), py::arg("activation"))
      .def("add", &Graph::add, py::arg("a"), py::arg("b"))
      .def("scale", &Graph::scale, py::arg("x"), py::arg("factor"))
      .def("softcap", &Graph::softcap, py::arg("x"), py::arg("cap"))
      .def("select_rows", &Graph::select_rows, py::arg("x"))
      .def("set_output", &Graph::set_output, py::arg("logits"))
      .def_property_readonly("n_nodes", [](const Graph& g) { return g.nodes().size(); })
      .def_property_readonly("weights",
                             [](const Graph& g) {
                               py::list all;
                               for (const graph::WeightSpec& w : g.weights())
                                 all.append(py::make_tuple(w.name, w.rows, w.cols));
                               return all;
                             })
      .def_property_readonly("attentions",
                             [](const Graph& g) {
                               py::list all;
                               for (const graph::Node& node : g.nodes()) {
                                 const graph::AttentionParams& a = node.attention;
                                 if (node.kind == graph::OpKind::attention)
                                   all.append(py::make_tuple(a.n_kv_heads, a.head_dim, a.window));
                               }
                               return all;
                             })
      .def(
          "n_steps", [](const Graph& g, bool fuse) { return graph::compile(g, fuse).steps.size(); },
          py::arg("fuse") = true);
}

}  // namespace llmagentos::bindings
