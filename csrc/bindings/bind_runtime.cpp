// _core.runtime: thread pool, machine facts, and the executor.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/cpu_count.h"
#include "base/cpu_features.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/signals.h"
#include "base/thread_pool.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
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

// A checkpoint's tensors by name, as the executor asks for them.
using Tensors = std::map<std::string, runtime::TensorSource, std::less<>>;

// The file must outlive them.
Tensors tensors_of(const GgufFile& file) {
  Tensors all;
  for (const GgufTensor& tensor : file.tensors()) {
    runtime::TensorSource source;
    source.shape.assign(tensor.shape.begin(), tensor.shape.end());
    source.dtype = tensor.dtype;
    source.open = [&file, &tensor] {
      const auto drop = [&file, &tensor](std::size_t offset, std::size_t n_bytes) {
        file.drop_pages(tensor, offset, n_bytes);
      };
      return runtime::TensorBytes{{tensor.data, tensor.n_bytes}, nullptr, drop};
    };
    all.emplace(tensor.name, std::move(source));
  }
  return all;
}

DType dtype_named(const std::string& name) {
  const DTypeInfo* const info = find_dtype(std::string_view(name));
  if (!info) throw InvalidArgument("dtype: unknown weight format '" + name + "'");
  return info->dtype;
}

// The bytes that a Python function gives when they are asked for, and whether they are a mapped file's.
runtime::TensorBytes read_array(const py::function& read, const std::string& name) {
  const py::gil_scoped_acquire locked;
  const auto [array, is_mapped] = read().cast<std::pair<py::buffer, bool>>();
  auto* view = new py::buffer_info(array.request());
  const std::shared_ptr<const void> owner(view, [](const void* held) {
    const py::gil_scoped_acquire relocked;
    delete static_cast<const py::buffer_info*>(held);
  });
  if (!PyBuffer_IsContiguous(view->view(), 'C'))
    throw InvalidArgument("tensor " + name + ": the bytes of its array are not contiguous");
  const auto* data = static_cast<const std::byte*>(view->ptr);
  runtime::TensorBytes found{{data, static_cast<std::size_t>(view->size * view->itemsize)}, owner, nullptr};
  if (is_mapped) found.drop = [data](std::size_t offset, std::size_t n) { advise_dont_need(data + offset, n); };
  return found;
}

// (name, dtype, shape, read) of each tensor; the functions must outlive what is made of them.
using Arrays = std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>, py::function>>;

Tensors tensors_of(const Arrays& arrays) {
  Tensors all;
  for (const auto& [name, dtype, shape, read] : arrays) {
    runtime::TensorSource source;
    source.shape = shape;
    source.dtype = dtype_named(dtype);
    source.open = [&read = read, &name = name] { return read_array(read, name); };
    all.emplace(name, std::move(source));
  }
  return all;
}

template <class Source>
std::unique_ptr<runtime::Executor> make_executor(const graph::Graph& graph, const Source& source, ThreadPool& pool,
                                                 std::int64_t max_tokens, std::int64_t n_blocks,
                                                 const std::string& kv_dtype, const std::string& isa, bool fuse,
                                                 const std::map<std::string, std::string>& quantize_to) {
  const kernels::KvType type = kv_type_named(kv_dtype);
  const Tensors tensors = tensors_of(source);
  runtime::QuantizeTo formats;
  for (const auto& [name, dtype] : quantize_to) formats.emplace(name, dtype_named(dtype));
  const auto find = [&tensors](const std::string& name) {
    const auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : &found->second;
  };
  const ReleasedGil release;
  return std::make_unique<runtime::Executor>(graph::compile(graph, fuse), find, kernels::select_kernels(isa), pool,
                                             max_tokens, n_blocks, type, formats);
}

using FloatMatrix = py::array_t<float, py::array::c_style>;

// (weight, a [rank, columns], b [rows, rank]) of each weight that an adapter updates.
std::int32_t load_adapter(runtime::Executor& executor,
                          const std::vector<std::tuple<std::string, FloatMatrix, FloatMatrix>>& factors) {
  std::vector<runtime::LowRankSource> sources;
  for (const auto& [weight, a, b] : factors) {
    if (a.ndim() != 2 || b.ndim() != 2) throw InvalidArgument("adapter: the factors of " + weight + " are no matrices");
    sources.push_back({weight, a.data(), a.shape(0), a.shape(1), b.data(), b.shape(0), b.shape(1)});
  }
  const ReleasedGil release;
  return executor.load_adapter(sources);
}

// A batch as Python gives it. The arrays stay alive for as long as the call that has them.
struct BatchArrays {
  const Int32Array &token_ids, &positions, &sequence_starts, &block_tables, &logit_rows;
  const std::optional<Int32Array>&token_types, &adapters;
  bool is_encoder;
  const std::optional<Int32Array>&cross_block_tables, &cross_lengths;

  runtime::RaggedBatch batch() const {
    if (block_tables.ndim() != 2 || (cross_block_tables && cross_block_tables->ndim() != 2))
      throw InvalidArgument("block_tables must have two dimensions");
    runtime::RaggedBatch batch{view(token_ids),    view(positions),       view(sequence_starts),
                               view(block_tables), block_tables.shape(1), view(logit_rows)};
    if (token_types) batch.token_types = view(*token_types);
    if (adapters) batch.adapters = view(*adapters);
    batch.is_encoder = is_encoder;
    if (cross_block_tables) {
      batch.cross_block_tables = view(*cross_block_tables);
      batch.max_cross_blocks = cross_block_tables->shape(1);
    }
    if (cross_lengths) batch.cross_lengths = view(*cross_lengths);
    return batch;
  }
};

// A method that takes a batch, and what else `extra` names.
template <class... Extra, class F, class... Names>
void def_over_batch(py::class_<runtime::Executor>& executor, const char* name, F call, const Names&... extra) {
  executor.def(
      name,
      [call](runtime::Executor& self, const Int32Array& token_ids, const Int32Array& positions,
             const Int32Array& sequence_starts, const Int32Array& block_tables, const Int32Array& logit_rows,
             const std::optional<Int32Array>& token_types, const std::optional<Int32Array>& adapters, bool is_encoder,
             const std::optional<Int32Array>& cross_block_tables, const std::optional<Int32Array>& cross_lengths,
             const Extra&... values) {
        const BatchArrays arrays{token_ids,   positions, sequence_starts, block_tables,       logit_rows,
                                 token_types, adapters,  is_encoder,      cross_block_tables, cross_lengths};
        return call(self, arrays.batch(), values...);
      },
      py::arg("token_ids"), py::arg("positions"), py::arg("sequence_starts"), py::arg("block_tables"),
      py::arg("logit_rows"), py::kw_only(), py::arg("token_types") = py::none(), py::arg("adapters") = py::none(),
      py::arg("is_encoder") = false, py::arg("cross_block_tables") = py::none(), py::arg("cross_lengths") = py::none(),
      extra...);
}

// The executor's output [R, output_width], without a copy.
py::array_t<float> as_array(std::shared_ptr<const AlignedBuffer> output, std::int64_t rows, std::int64_t width) {
  const float* const data = output->as<float>();
  auto* held = new std::shared_ptr<const AlignedBuffer>(std::move(output));
  const py::capsule owner(held, [](void* p) { delete static_cast<std::shared_ptr<const AlignedBuffer>*>(p); });
  return py::array_t<float>({rows, width}, data, owner);
}

using Aside = std::optional<std::pair<double, double>>;  // AsideTime

py::array_t<float> run(runtime::Executor& executor, const runtime::RaggedBatch& batch, const Aside& aside) {
  std::optional<runtime::AsideTime> time;
  if (aside) time = {aside->first, aside->second};
  std::shared_ptr<const AlignedBuffer> output;
  {
    const ReleasedGil release;
    output = executor.run(batch, time);
  }
  return as_array(std::move(output), static_cast<std::int64_t>(batch.logit_rows.size()), executor.output_width());
}

std::optional<py::array_t<float>> aside_output(runtime::Executor& executor) {
  std::pair<std::shared_ptr<const AlignedBuffer>, std::int64_t> found;
  {
    const ReleasedGil release;
    found = executor.aside_output();
  }
  if (!found.first) return std::nullopt;
  return as_array(std::move(found.first), found.second, executor.output_width());
}

void begin_aside(runtime::Executor& executor, const runtime::RaggedBatch& batch) {
  const ReleasedGil release;
  executor.begin_aside(batch);
}

// By weight: the sums [matrices, columns] as float32, and the rows [matrices] that they are of.
py::dict input_squares(runtime::Executor& executor) {
  std::map<std::string, runtime::InputSquares::Sums> squares;
  {
    const ReleasedGil release;
    squares = executor.input_squares();
  }
  py::dict found;
  for (const auto& [name, sums] : squares) {
    const std::size_t n_matrices = sums.n_rows.size();
    py::array_t<float> columns({n_matrices, sums.columns.size() / n_matrices});
    std::copy(sums.columns.begin(), sums.columns.end(), columns.mutable_data());
    found[py::str(name)] = py::make_tuple(columns, py::array_t<std::int64_t>(n_matrices, sums.n_rows.data()));
  }
  return found;
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
  m.def("usable_cpus", [] { return usable_cpus(); });
  m.def(
      "handled_signals",
      [](const std::vector<int>& numbers) {
        std::vector<std::pair<int, bool>> found;
        for (const auto& [number, restarts] : handled_signals(numbers)) found.emplace_back(number, restarts);
        return found;
      },
      py::arg("numbers"));
  m.def(
      "kv_block_bytes",
      [](const graph::Graph& graph, const std::string& kv_dtype) {
        return runtime::KvPool::block_bytes(graph::compile(graph), kv_type_named(kv_dtype));
      },
      py::arg("graph"), py::arg("kv_dtype") = "f16");
  m.attr("BLOCK_SIZE") = kernels::kKvBlock;

  py::class_<runtime::Executor> executor(m, "Executor");
  executor
      .def(py::init(&make_executor<GgufFile>), py::arg("graph"), py::arg("tensors"), py::arg("pool"), py::kw_only(),
           py::arg("max_tokens"), py::arg("n_blocks"), py::arg("kv_dtype") = "f16", py::arg("isa") = "",
           py::arg("fuse") = true, py::arg("quantize_to") = std::map<std::string, std::string>{},
           py::keep_alive<1, 4>())
      .def(py::init(&make_executor<Arrays>), py::arg("graph"), py::arg("tensors"), py::arg("pool"), py::kw_only(),
           py::arg("max_tokens"), py::arg("n_blocks"), py::arg("kv_dtype") = "f16", py::arg("isa") = "",
           py::arg("fuse") = true, py::arg("quantize_to") = std::map<std::string, std::string>{},
           py::keep_alive<1, 4>())
      .def(
          "copy_blocks",
          [](runtime::Executor& executor, const std::vector<std::pair<std::int32_t, std::int32_t>>& from_to) {
            const ReleasedGil release;
            executor.copy_blocks(from_to);
          },
          py::arg("from_to"))
      .def("load_adapter", &load_adapter, py::arg("factors"))
      .def("unload_adapter", &runtime::Executor::unload_adapter, py::arg("id"), py::call_guard<ReleasedGil>())
      .def_property_readonly("adapter_bytes",
                             py::cpp_function(&runtime::Executor::adapter_bytes, py::call_guard<ReleasedGil>()))
      .def("finish_aside", &runtime::Executor::finish_aside, py::call_guard<ReleasedGil>())
      .def_property_readonly("aside_output", &aside_output)
      .def_property_readonly("seconds", py::cpp_function(&runtime::Executor::seconds, py::call_guard<ReleasedGil>()))
      .def("observe_inputs", &runtime::Executor::observe_inputs, py::call_guard<ReleasedGil>())
      .def("input_squares", &input_squares)
      .def_property_readonly("isa", [](const runtime::Executor& e) { return std::string(e.isa()); })
      .def_property_readonly("output_width", &runtime::Executor::output_width)
      .def_property_readonly("max_tokens", &runtime::Executor::max_tokens)
      .def_property_readonly("n_blocks", [](const runtime::Executor& e) { return e.kv().n_blocks(); })
      .def_property_readonly("weight_bytes", [](const runtime::Executor& e) { return e.weights().n_bytes(); });
  def_over_batch<Aside>(executor, "run", run, py::arg("aside") = py::none());
  def_over_batch(executor, "begin_aside", begin_aside);
}

}  // namespace llmagentos::bindings
