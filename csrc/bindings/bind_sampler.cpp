#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "bindings/bind.h"
#include "runtime/sampler.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

using Logits = py::array_t<float, py::array::c_style>;
using Ids = std::vector<std::int32_t>;

// int32 arrays in one copy; any other sequence element by element, so that a number that does not fit is an error.
Ids to_ids(const py::handle& ids) {
  using Array = py::array_t<std::int32_t, py::array::c_style>;
  if (!py::isinstance<Array>(ids)) return ids.cast<Ids>();
  const auto array = py::reinterpret_borrow<Array>(ids);
  return Ids(array.data(), array.data() + array.size());
}

py::array_t<std::int32_t> to_array(const Ids& ids) {
  return py::array_t<std::int32_t>(static_cast<py::ssize_t>(ids.size()), ids.data());
}

std::map<std::int32_t, float> get_bias(const SamplerRow& row) { return {row.logit_bias.begin(), row.logit_bias.end()}; }

void set_bias(SamplerRow& row, const std::map<std::int32_t, float>& bias) {
  row.logit_bias.assign(bias.begin(), bias.end());
}

SamplerRow make_row(float temperature, std::int64_t top_k, float top_p, float min_p, std::uint64_t seed,
                    std::uint64_t token_index, float repetition_penalty, float presence_penalty,
                    float frequency_penalty, const std::map<std::int32_t, float>& logit_bias,
                    const py::object& prompt_ids, const py::object& output_ids, std::optional<std::int64_t> logprobs) {
  SamplerRow row;
  row.temperature = temperature;
  row.top_k = top_k;
  row.top_p = top_p;
  row.min_p = min_p;
  row.seed = seed;
  row.token_index = token_index;
  row.repetition_penalty = repetition_penalty;
  row.presence_penalty = presence_penalty;
  row.frequency_penalty = frequency_penalty;
  set_bias(row, logit_bias);
  row.prompt_ids = to_ids(prompt_ids);
  row.output_ids = to_ids(output_ids);
  row.logprobs = logprobs;
  return row;
}

std::string shape_text(const Logits& logits) { return py::str(logits.attr("shape")).cast<std::string>(); }

std::vector<Sampled> sample_rows(const Logits& logits, const std::vector<const SamplerRow*>& rows,
                                 const py::object& pool) {
  if (logits.ndim() != 2 || logits.shape(0) != static_cast<py::ssize_t>(rows.size())) {
    throw InvalidArgument("logits must be of shape (" + std::to_string(rows.size()) + ", vocabulary), not " +
                          shape_text(logits));
  }
  for (const SamplerRow* row : rows) {
    if (row == nullptr) throw InvalidArgument("rows must not hold None");
  }
  ThreadPool* const threads = pool.is_none() ? nullptr : pool.cast<ThreadPool*>();
  const auto vocab = static_cast<std::size_t>(logits.shape(1));
  const float* const values = logits.data();
  const py::gil_scoped_release unlocked;
  return sample(values, vocab, rows, threads);
}

py::array_t<float> row_probabilities(const Logits& logits, const SamplerRow& row) {
  if (logits.ndim() != 1) throw InvalidArgument("logits must be one row, not of shape " + shape_text(logits));
  py::array_t<float> result(logits.shape(0));
  const auto vocab = static_cast<std::size_t>(logits.shape(0));
  const float* const values = logits.data();
  float* const out = result.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    probabilities(values, vocab, row, out);
  }
  return result;
}

}  // namespace

void bind_sampler(py::module_& core) {
  py::module_ m = core.def_submodule("sampler", "From logits to tokens: penalties, temperature, filters, draws.");
  py::class_<SamplerRow>(m, "SamplerRow")
      .def(py::init(&make_row), py::kw_only(), py::arg("temperature") = 1.0f, py::arg("top_k") = 0,
           py::arg("top_p") = 1.0f, py::arg("min_p") = 0.0f, py::arg("seed") = 0, py::arg("token_index") = 0,
           py::arg("repetition_penalty") = 1.0f, py::arg("presence_penalty") = 0.0f,
           py::arg("frequency_penalty") = 0.0f, py::arg("logit_bias") = std::map<std::int32_t, float>(),
           py::arg("prompt_ids") = py::tuple(), py::arg("output_ids") = py::tuple(), py::arg("logprobs") = py::none())
      .def_readwrite("temperature", &SamplerRow::temperature)
      .def_readwrite("top_k", &SamplerRow::top_k)
      .def_readwrite("top_p", &SamplerRow::top_p)
      .def_readwrite("min_p", &SamplerRow::min_p)
      .def_readwrite("seed", &SamplerRow::seed)
      .def_readwrite("token_index", &SamplerRow::token_index)
      .def_readwrite("repetition_penalty", &SamplerRow::repetition_penalty)
      .def_readwrite("presence_penalty", &SamplerRow::presence_penalty)
      .def_readwrite("frequency_penalty", &SamplerRow::frequency_penalty)
      .def_readwrite("logprobs", &SamplerRow::logprobs)
      .def_property("logit_bias", &get_bias, &set_bias)
      .def_property(
          "prompt_ids", [](const SamplerRow& row) { return to_array(row.prompt_ids); },
          [](SamplerRow& row, const py::object& ids) { row.prompt_ids = to_ids(ids); })
      .def_property(
          "output_ids", [](const SamplerRow& row) { return to_array(row.output_ids); },
          [](SamplerRow& row, const py::object& ids) { row.output_ids = to_ids(ids); })
      .def("append_output", [](SamplerRow& row, std::int32_t id) { row.output_ids.push_back(id); }, py::arg("id"));
  py::class_<Sampled>(m, "Sampled")
      .def_readonly("token_id", &Sampled::token_id)
      .def_readonly("logprob", &Sampled::logprob)
      .def_readonly("top", &Sampled::top);
  // The pool is an object here, because its class is registered by another area's binding.
  m.def("sample", &sample_rows, py::arg("logits").noconvert(), py::arg("rows"), py::arg("pool") = py::none());
  m.def("probabilities", &row_probabilities, py::arg("logits").noconvert(), py::arg("row"));
}

}  // namespace llmagentos::bindings
