#include "bindings/bind.h"

PYBIND11_MODULE(_core, core) {
  using namespace llmagentos::bindings;
  core.doc() = "The native core of llmagentos: formats, tokenizers, kernels, graph and runtime.";
  bind_errors(core);
  bind_quant(core);
  bind_formats(core);
  bind_tokenize(core);
  bind_kernels(core);
  bind_graph(core);
  bind_runtime(core);
  bind_sampler(core);
}
