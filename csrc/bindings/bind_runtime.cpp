// _core.runtime: thread pool, machine facts, and the executor.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>

#include "base/cpu_count.h"
#include "base/cpu_features.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "bindings/bind.h"
#include "formats/gguf.h"
#include "graph/plan.h"
#include "runtime/executor.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

using Int32Array = py::array_t<std::int32_t, py::array::c_style>;

std::span<const std::int32_t> view(const Int32Array& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

kernels::KvType kv_type_named(const std::string& name) {
  if (name == "f16") return kernels::KvType::f16;
  if (name == "f32") return kernels::KvType::f32;
  if (name == "int8") return kernels::KvType::i8;
  throw InvalidArgument("kv_dtype \"" + name + "\" is not one of f16, f32, int8");
}

// A file's tensors by name, as the executor asks for them. The file must outlive it.
class FileTensors {
 public:
  explicit FileTensors(const GgufFile& file) {
    for (const GgufTensor& tensor : file.tensors()) {
      runtime::TensorSource source;
      source.shape.assign(tensor.shape.begin(), tensor.shape.end());
      source.dtype = tensor.dtype;
      source.data = tensor.data;
      source.drop = [&file, &tensor](std::size_t offset, std::size_t n_bytes) {
        file.drop_pages(tensor, offset, n_bytes);
      };
      sources_.emplace(tensor.name, std::move(source));
    }
  }
  const runtime::TensorSource* find(const std::string& name) const {
    const auto found = sources_.find(name);
    return found == sources_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, runtime::TensorSource, std::less<>> sources_;
};

std::unique_ptr<runtime::Executor> make_executor(const graph::Graph& graph, const GgufFile& file, ThreadPool& pool,
                                                 std::int64_t max_tokens, std::int64_t n_blocks,
                                                 const std::string& kv_dtype, const std::string& isa, bool fuse) {
  const kernels::KvType type = kv_type_named(kv_dtype);
  const py::gil_scoped_release release;
  const FileTensors tensors(file);
  return std::make_unique<runtime::Executor>(
      graph::compile(graph, fuse), [&](const std::string& name) { return tensors.find(name); },
      kernels::select_kernels(isa), pool, max_tokens, n_blocks, type);
}

py::array_t<float> run(runtime::Executor& executor, const Int32Array& token_ids, const Int32Array& positions,
                       const Int32Array& sequence_starts, const Int32Array& block_tables,
                       const Int32Array& logit_rows) {
  if (block_tables.ndim() != 2) throw InvalidArgument("block_tables must have two dimensions");
  const runtime::RaggedBatch batch{view(token_ids),    view(positions),       view(sequence_starts),
                                   view(block_tables), block_tables.shape(1), view(logit_rows)};
  auto* logits = new std::shared_ptr<const AlignedBuffer>();
  const py::capsule owner(logits, [](void* held) { delete static_cast<std::shared_ptr<const AlignedBuffer>*>(held); });
  {
    const py::gil_scoped_release release;
    *logits = executor.run(batch);
  }
  return py::array_t<float>(
      {static_cast<py::ssize_t>(logit_rows.size()), static_cast<py::ssize_t>(executor.vocab_size())},
      (*logits)->as<float>(), owner);
}

py::dict machine() {
  py::dict facts;
  facts["cpu"] = cpu_name();
  facts["isas"] = kernels::available_isas();
  facts["isa"] = std::string(kernels::select_kernels().isa());
  facts["usable_cpus"] = usable_cpus();
  return facts;
}

}  // namespace

void bind_runtime(py::module_& core) {
  py::module_ m = core.def_submodule("runtime", "Threads and the executor.");

  py::class_<ThreadPool>(m, "ThreadPool")
      .def(py::init([](std::optional<int> threads) { return std::make_unique<ThreadPool>(threads.value_or(0)); }),
           py::arg("threads") = py::none())
      .def_property_readonly("size", &ThreadPool::size);

  m.def("machine", machine);
  m.def(
      "kv_block_bytes",
      [](const graph::Graph& graph, const std::string& kv_dtype) {
        return runtime::KvPool::block_bytes(graph::compile(graph), kv_type_named(kv_dtype));
      },
      py::arg("graph"), py::arg("kv_dtype") = "f16");
  m.attr("BLOCK_SIZE") = kernels::kKvBlock;

  py::class_<runtime::Executor>(m, "Executor")
      .def(py::init(&make_executor), py::arg("graph"), py::arg("file"), py::arg("pool"), py::kw_only(),
           py::arg("max_tokens"), py::arg("n_blocks"), py::arg("kv_dtype") = "f16", py::arg("isa") = "",
           py::arg("fuse") = true, py::keep_alive<1, 4>())
      .def("run", &run, py::arg("token_ids"), py::arg("positions"), py::arg("sequence_starts"), py::arg("block_tables"),
           py::arg("logit_rows"))
      .def(
          "copy_blocks",
          [](runtime::Executor& executor, const std::vector<std::pair<std::int32_t, std::int32_t>>& from_to) {
            const py::gil_scoped_release release;
            executor.copy_blocks(from_to);
          },
          py::arg("from_to"))
      .def_property_readonly("isa", [](const runtime::Executor& e) { return std::string(e.isa()); })
      .def_property_readonly("vocab_size", &runtime::Executor::vocab_size)
      .def_property_readonly("max_tokens", &runtime::Executor::max_tokens)
      .def_property_readonly("n_blocks", [](const runtime::Executor& e) { return e.kv().n_blocks(); })
      .def_property_readonly("weight_bytes", [](const runtime::Executor& e) { return e.weights().n_bytes(); });
}

}  // namespace llmagentos::bindings
