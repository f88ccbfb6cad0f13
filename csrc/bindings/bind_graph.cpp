// _core.graph: the builder that python/llmagentos/models writes architectures with.
#include <pybind11/stl.h>

#include <set>

#include "base/error.h"
#include "bindings/bind.h"
#include "graph/graph.h"
#include "graph/plan.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

using graph::Graph;

// The value that `choices` has under a name.
template <class T>
T named(const char* what, const std::string& name, std::initializer_list<std::pair<const char*, T>> choices) {
  std::string known;
  for (const auto& [choice, value] : choices) {
    if (name == choice) return value;
    known += (known.empty() ? "" : ", ") + std::string(choice);
  }
  throw InvalidArgument(std::string(what) + " \"" + name + "\" is not one of " + known);
}

kernels::ActivationKind activation_named(const std::string& name) {
  using Kind = kernels::ActivationKind;
  return named<Kind>("activation", name,
                     {{"silu", Kind::silu},
                      {"gelu", Kind::gelu},
                      {"gelu_tanh", Kind::gelu_tanh},
                      {"gelu_sigmoid", Kind::gelu_sigmoid},
                      {"relu", Kind::relu},
                      {"relu_squared", Kind::relu_squared},
                      {"tanh", Kind::tanh},
                      {"sigmoid", Kind::sigmoid}});
}

graph::RopeParams rope_params(std::vector<float> inverse_frequencies, float magnitude, const std::string& pairs,
                              int first) {
  using Pairs = kernels::RopePairs;
  return {std::move(inverse_frequencies), magnitude,
          named<Pairs>("rope pairs", pairs, {{"halves", Pairs::halves}, {"adjacent", Pairs::adjacent}}), first};
}

graph::EmbedBy embed_by(const std::string& name) {
  using By = graph::EmbedBy;
  return named<By>("embed by", name, {{"token", By::token}, {"position", By::position}, {"type", By::type}});
}

graph::RouterScores scores_named(const std::string& name) {
  using Scores = graph::RouterScores;
  return named<Scores>("router scores", name, {{"softmax", Scores::softmax}, {"sigmoid", Scores::sigmoid}});
}

// A weight's name and its numbers, as python/llmagentos/models gives them; resolved in the graph it is used in.
struct RelativeBias {
  std::string weight;
  int n_buckets, max_distance;
  bool is_bidirectional;
};

}  // namespace

void bind_graph(py::module_& core) {
  py::module_ m = core.def_submodule("graph", "Models as graphs of ops.");

  py::class_<graph::RopeParams>(m, "RopeParams")
      .def(py::init(&rope_params), py::arg("inverse_frequencies"), py::kw_only(), py::arg("magnitude") = 1.0f,
           py::arg("pairs") = "halves", py::arg("first") = 0);

  py::class_<RelativeBias>(m, "RelativeBias")
      .def(py::init<std::string, int, int, bool>(), py::arg("weight"), py::kw_only(), py::arg("n_buckets"),
           py::arg("max_distance"), py::arg("is_bidirectional"));

  py::class_<Graph>(m, "Graph")
      .def(py::init<>())
      .def("begin_encoder", &Graph::begin_encoder)
      .def("begin_decoder", &Graph::begin_decoder)
      .def(
          "embed",
          [](Graph& g, const std::string& weight, std::int64_t n_rows, std::int64_t width, const std::string& by,
             int offset,
             bool others_first) { return g.embed(weight, n_rows, width, embed_by(by), offset, others_first); },
          py::arg("weight"), py::arg("n_rows"), py::arg("width"), py::arg("by") = "token", py::arg("offset") = 0,
          py::arg("others_first") = false)
      .def("linear", &Graph::linear, py::arg("x"), py::arg("weight"), py::arg("out_width"), py::arg("bias") = "")
      .def("layer_norm", &Graph::layer_norm, py::arg("x"), py::arg("weight"), py::arg("bias"), py::arg("eps"),
           py::arg("head_dim") = 0)
      .def("rms_norm", &Graph::rms_norm, py::arg("x"), py::arg("weight"), py::arg("eps"), py::arg("head_dim") = 0)
      .def("rope", &Graph::rope, py::arg("x"), py::arg("head_dim"), py::arg("params"))
      .def(
          "attention",
          [](Graph& g, graph::ValueId q, std::optional<graph::ValueId> k, std::optional<graph::ValueId> v, int layer,
             int n_heads, int n_kv_heads, int head_dim, float scale, float softcap, int window, bool causal,
             std::vector<float> alibi_slopes, const std::optional<RelativeBias>& relative_bias,
             const std::string& sinks, int chunk) {
            graph::AttentionParams params{layer, n_heads, n_kv_heads, head_dim, scale, softcap, window};
            params.keys = causal ? graph::Keys::earlier : graph::Keys::all;
            params.bias.slopes = std::move(alibi_slopes);
            if (relative_bias) {
              const RelativeBias& b = *relative_bias;
              params.bias = {
                  {}, g.bias_table(b.weight, b.n_buckets, n_heads), b.n_buckets, b.max_distance, b.is_bidirectional};
            }
            params.sinks = g.attention_sinks(sinks, n_heads);
            params.chunk = chunk;
            return g.attention(q, k.value_or(graph::kNone), v.value_or(graph::kNone), params);
          },
          py::arg("q"), py::arg("k"), py::arg("v"), py::kw_only(), py::arg("layer"), py::arg("n_heads"),
          py::arg("n_kv_heads"), py::arg("head_dim"), py::arg("scale"), py::arg("softcap") = 0.0f,
          py::arg("window") = 0, py::arg("causal") = true, py::arg("alibi_slopes") = std::vector<float>{},
          py::arg("relative_bias") = py::none(), py::arg("sinks") = "", py::arg("chunk") = 0)
      .def(
          "cross_attention",
          [](Graph& g, graph::ValueId q, int layer, int n_heads, int n_kv_heads, int head_dim, float scale) {
            return g.cross_attention(q, {layer, n_heads, n_kv_heads, head_dim, scale});
          },
          py::arg("q"), py::kw_only(), py::arg("layer"), py::arg("n_heads"), py::arg("n_kv_heads"), py::arg("head_dim"),
          py::arg("scale"))
      .def(
          "store_cross",
          [](Graph& g, graph::ValueId k, graph::ValueId v, int layer, int n_kv_heads, int head_dim) {
            g.store_cross(k, v, {layer, n_kv_heads, n_kv_heads, head_dim});
          },
          py::arg("k"), py::arg("v"), py::kw_only(), py::arg("layer"), py::arg("n_kv_heads"), py::arg("head_dim"))
      .def(
          "moe",
          [](Graph& g, graph::ValueId x, graph::ValueId logits, const std::string& gate, const std::string& up,
             const std::string& down, int n_experts, int n_used, int hidden, const std::string& activation,
             const std::string& scores, bool normalised, float scale, int n_groups, int n_groups_used, float limit,
             float up_shift, const std::string& gate_bias, const std::string& up_bias, const std::string& down_bias,
             const std::string& selection_bias, int n_group_scores, bool weighs_inputs) {
            graph::MoeParams params;
            params.routing = {n_experts, n_used,   scores_named(scores), normalised,
                              scale,     n_groups, n_groups_used,        n_group_scores};
            params.hidden = hidden;
            params.activation = activation_named(activation);
            params.limit = limit;
            params.up_shift = up_shift;
            params.weighs_inputs = weighs_inputs;
            return g.moe(x, logits, {gate, up, down, gate_bias, up_bias, down_bias, selection_bias}, params);
          },
          py::arg("x"), py::arg("logits"), py::kw_only(), py::arg("gate"), py::arg("up"), py::arg("down"),
          py::arg("n_experts"), py::arg("n_used"), py::arg("hidden"), py::arg("activation"),
          py::arg("scores") = "softmax", py::arg("normalised") = true, py::arg("scale") = 1.0f, py::arg("n_groups") = 1,
          py::arg("n_groups_used") = 1, py::arg("limit") = 0.0f, py::arg("up_shift") = 0.0f, py::arg("gate_bias") = "",
          py::arg("up_bias") = "", py::arg("down_bias") = "", py::arg("selection_bias") = "",
          py::arg("n_group_scores") = 2, py::arg("weighs_inputs") = false)
      .def(
          "activation",
          [](Graph& g, graph::ValueId x, const std::string& kind) { return g.activation(x, activation_named(kind)); },
          py::arg("x"), py::arg("kind"))
      .def(
          "glu",
          [](Graph& g, graph::ValueId gate, graph::ValueId up, const std::string& activation) {
            return g.glu(gate, up, activation_named(activation));
          },
          py::arg("gate"), py::arg("up"), py::arg("activation"))
      .def("add", &Graph::add, py::arg("a"), py::arg("b"))
      .def("scale", &Graph::scale, py::arg("x"), py::arg("factor"))
      .def("scale_rows", &Graph::scale_rows, py::arg("x"), py::arg("factors"))
      .def("scale_by_position", &Graph::scale_by_position, py::arg("x"), py::kw_only(), py::arg("period"),
           py::arg("slope"), py::arg("first") = 1)
      .def(
          "slice_heads",
          [](Graph& g, graph::ValueId x, int n_heads, int n, int size, int first, std::optional<graph::ValueId> tail) {
            return g.slice_heads(x, {n_heads, first, n, size}, tail.value_or(graph::kNone));
          },
          py::arg("x"), py::kw_only(), py::arg("n_heads"), py::arg("n"), py::arg("size"), py::arg("first") = 0,
          py::arg("tail") = py::none())
      .def("scale_columns", &Graph::scale_columns, py::arg("x"), py::arg("weight"))
      .def(
          "mix",
          [](Graph& g, graph::ValueId x, int parts, const std::vector<float>& constants,
             std::optional<graph::ValueId> coefficients, std::optional<graph::ValueId> base) {
            return g.mix(x, parts, constants, coefficients.value_or(graph::kNone), base.value_or(graph::kNone));
          },
          py::arg("x"), py::kw_only(), py::arg("parts"), py::arg("constants") = std::vector<float>{},
          py::arg("coefficients") = py::none(), py::arg("base") = py::none())
      .def("match_rms", &Graph::match_rms, py::arg("x"), py::arg("like"), py::kw_only(), py::arg("least"))
      .def("excess", &Graph::excess, py::arg("x"), py::arg("deviations"))
      .def("softcap", &Graph::softcap, py::arg("x"), py::arg("cap"))
      .def("clamp", &Graph::clamp, py::arg("x"), py::arg("limit"))
      .def("select_rows", &Graph::select_rows, py::arg("x"))
      .def("mean_rows", &Graph::mean_rows, py::arg("x"))
      .def("set_output", &Graph::set_output, py::arg("logits"))
      .def_property_readonly("n_nodes", [](const Graph& g) { return g.nodes().size(); })
      .def_property_readonly("weights",
                             [](const Graph& g) {
                               py::list all;
                               for (const graph::WeightSpec& w : g.weights())
                                 all.append(py::make_tuple(w.name, py::tuple(py::cast(w.shape()))));
                               return all;
                             })
      .def_property_readonly(
          "expert_shares",
          [](const Graph& g) {
            std::map<std::string, double> all;
            for (const graph::Node& node : g.nodes()) {
              const graph::MoeParams& p = node.moe;
              if (node.kind != graph::OpKind::moe) continue;
              for (const graph::WeightId id : {p.gate, p.up, p.down, p.gate_bias, p.up_bias, p.down_bias})
                if (id != graph::kNone)
                  all[g.weights()[static_cast<std::size_t>(id)].name] =
                      static_cast<double>(p.routing.n_used) / p.routing.n_experts;
            }
            return all;
          })
      .def_property_readonly("looked_up",
                             [](const Graph& g) {
                               std::set<std::string> names;
                               for (const graph::Node& node : g.nodes())
                                 if (node.kind == graph::OpKind::embed)
                                   names.insert(g.weights()[static_cast<std::size_t>(node.weight)].name);
                               for (const graph::Node& node : g.nodes())
                                 if (node.kind == graph::OpKind::linear)
                                   names.erase(g.weights()[static_cast<std::size_t>(node.weight)].name);
                               return names;
                             })
      .def_property_readonly("attentions",
                             [](const Graph& g) {
                               py::list all;
                               for (const graph::Node& node : g.nodes()) {
                                 const graph::AttentionParams& a = node.attention;
                                 if (node.kind == graph::OpKind::attention && a.keys != graph::Keys::cross)
                                   all.append(py::make_tuple(a.n_kv_heads, a.head_dim, a.window));
                               }
                               return all;
                             })
      .def(
          "n_steps", [](const Graph& g, bool fuse) { return graph::compile(g, fuse).steps.size(); },
          py::arg("fuse") = true);
}

}  // namespace llmagentos::bindings
