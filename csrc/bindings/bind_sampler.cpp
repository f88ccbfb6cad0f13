#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
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

// A row with the arrays that its spans look into, as Python gave them.
struct BoundRow : SamplerRow {
  py::object allowed_array = py::none();
  py::object breakers_array = py::none();
};

// The words of a mask, in place: nothing is converted, so that whoever fills the array may go on doing so.
TokenBits to_bits(const py::object& array, const char* name) {
  using Words = py::array_t<std::uint32_t, py::array::c_style>;
  if (!py::isinstance<Words>(array) || py::reinterpret_borrow<Words>(array).ndim() != 1) {
    throw py::type_error(std::string(name) + " must be None or a contiguous one-dimensional numpy array of uint32");
  }
  const auto words = py::reinterpret_borrow<Words>(array);
  return {words.data(), static_cast<std::size_t>(words.size())};
}

void set_allowed(BoundRow& row, const py::object& array) {
  row.allowed = array.is_none() ? std::nullopt : std::optional(to_bits(array, "allowed"));
  row.allowed_array = array;
}

void set_breakers(BoundRow& row, const py::object& array) {
  row.dry_breakers = array.is_none() ? TokenBits() : to_bits(array, "dry_breakers");
  row.breakers_array = array;
}

// To the ids of a list from `begin` on, of which only those are converted that may be new.
void sync_output(BoundRow& row, const py::list& ids, std::size_t begin) {
  row.sync_output(ids.size() - std::min(begin, ids.size()),
                  [&](std::size_t i) { return ids[begin + i].cast<std::int32_t>(); });
}

std::map<std::int32_t, float> get_bias(const BoundRow& row) { return {row.logit_bias.begin(), row.logit_bias.end()}; }

void set_bias(BoundRow& row, const std::map<std::int32_t, float>& bias) {
  row.logit_bias.assign(bias.begin(), bias.end());
}

BoundRow make_row(float temperature, std::int64_t top_k, float top_p, float min_p, float typical_p, std::uint64_t seed,
                  std::uint64_t token_index, float repetition_penalty, float presence_penalty, float frequency_penalty,
                  float dry_multiplier, float dry_base, std::int64_t dry_allowed_length, std::int64_t dry_range,
                  const py::object& dry_breakers, const std::map<std::int32_t, float>& logit_bias,
                  const py::object& allowed, std::int64_t no_repeat_ngram_size, std::uint64_t min_tokens,
                  const py::object& end_ids, const py::object& prompt_ids, const py::object& output_ids,
                  std::optional<std::int64_t> logprobs) {
  BoundRow row;
  row.temperature = temperature;
  row.top_k = top_k;
  row.top_p = top_p;
  row.min_p = min_p;
  row.typical_p = typical_p;
  row.seed = seed;
  row.token_index = token_index;
  row.repetition_penalty = repetition_penalty;
  row.presence_penalty = presence_penalty;
  row.frequency_penalty = frequency_penalty;
  row.dry_multiplier = dry_multiplier;
  row.dry_base = dry_base;
  row.dry_allowed_length = dry_allowed_length;
  row.dry_range = dry_range;
  set_breakers(row, dry_breakers);
  set_bias(row, logit_bias);
  set_allowed(row, allowed);
  row.no_repeat_ngram_size = no_repeat_ngram_size;
  row.min_tokens = min_tokens;
  row.end_ids = to_ids(end_ids);
  row.prompt_ids = to_ids(prompt_ids);
  row.output_ids = to_ids(output_ids);
  row.logprobs = logprobs;
  return row;
}

std::string shape_text(const Logits& logits) { return py::str(logits.attr("shape")).cast<std::string>(); }

// Which row of the logits each sequence reads; empty where each reads its own.
Ids to_logit_rows(const py::object& logit_rows, const Logits& logits, std::size_t n) {
  if (logit_rows.is_none()) return {};
  Ids rows = to_ids(logit_rows);
  if (rows.size() != n) {
    throw InvalidArgument("logit_rows must hold " + std::to_string(n) + " rows, one for each of `rows`, not " +
                          std::to_string(rows.size()));
  }
  for (const std::int32_t row : rows) {
    if (row >= 0 && row < logits.shape(0)) continue;
    throw InvalidArgument("logit_rows: there is no row " + std::to_string(row) + " in logits of shape " +
                          shape_text(logits));
  }
  return rows;
}

// A call's arguments as the sampler takes them; the arrays that they look into are the caller's.
struct Batch {
  std::vector<const SamplerRow*> rows;
  Ids logit_rows;
  ThreadPool* pool;
  std::size_t vocab;

  Batch(const Logits& logits, const std::vector<const BoundRow*>& bound, const py::object& threads,
        const py::object& logit_rows_of)
      : rows(bound.begin(), bound.end()) {
    if (logits.ndim() != 2 || (logit_rows_of.is_none() && logits.shape(0) != static_cast<py::ssize_t>(bound.size()))) {
      throw InvalidArgument("logits must be of shape (" + std::to_string(bound.size()) + ", vocabulary), not " +
                            shape_text(logits));
    }
    for (const SamplerRow* row : rows) {
      if (row == nullptr) throw InvalidArgument("rows must not hold None");
    }
    logit_rows = to_logit_rows(logit_rows_of, logits, rows.size());
    pool = threads.is_none() ? nullptr : threads.cast<ThreadPool*>();
    vocab = static_cast<std::size_t>(logits.shape(1));
  }
};

std::vector<Sampled> sample_rows(const Logits& logits, const std::vector<const BoundRow*>& rows, const py::object& pool,
                                 const py::object& logit_rows) {
  const Batch batch(logits, rows, pool, logit_rows);
  const float* const values = logits.data();
  const ReleasedGil unlocked;
  return sample(values, batch.vocab, batch.rows, batch.pool, batch.logit_rows);
}

std::vector<std::vector<Sampled>> verify_rows(const Logits& logits, const std::vector<const BoundRow*>& rows,
                                              const std::vector<Ids>& drafts, const py::object& pool,
                                              const py::object& logit_rows) {
  const Batch batch(logits, rows, pool, logit_rows);
  if (drafts.size() != rows.size()) {
    throw InvalidArgument("drafts must hold " + std::to_string(rows.size()) + " lists, one for each of `rows`, not " +
                          std::to_string(drafts.size()));
  }
  std::vector<Drafts> all;
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    const std::int32_t first = batch.logit_rows.empty() ? static_cast<std::int32_t>(i) : batch.logit_rows[i];
    if (first + static_cast<py::ssize_t>(drafts[i].size()) >= logits.shape(0)) {
      throw InvalidArgument("row " + std::to_string(i) + ": " + std::to_string(drafts[i].size()) +
                            " drafts after row " + std::to_string(first) + " are more than logits of shape " +
                            shape_text(logits) + " have rows for");
    }
    all.push_back({first, drafts[i]});
  }
  const float* const values = logits.data();
  const ReleasedGil unlocked;
  return verify(values, batch.vocab, batch.rows, all, batch.pool);
}

std::vector<Continuations> continue_rows(const Logits& logits, const std::vector<const BoundRow*>& rows,
                                         const std::vector<std::int64_t>& counts, const py::object& pool,
                                         const py::object& logit_rows) {
  const Batch batch(logits, rows, pool, logit_rows);
  if (counts.size() != rows.size()) {
    throw InvalidArgument("counts must hold " + std::to_string(rows.size()) + " numbers, one for each of `rows`, not " +
                          std::to_string(counts.size()));
  }
  const float* const values = logits.data();
  const ReleasedGil unlocked;
  return continuations(values, batch.vocab, batch.rows, counts, batch.pool, batch.logit_rows);
}

py::array_t<float> row_probabilities(const Logits& logits, const BoundRow& row) {
  if (logits.ndim() != 1) throw InvalidArgument("logits must be one row, not of shape " + shape_text(logits));
  py::array_t<float> result(logits.shape(0));
  const auto vocab = static_cast<std::size_t>(logits.shape(0));
  const float* const values = logits.data();
  float* const out = result.mutable_data();
  {
    const ReleasedGil unlocked;
    probabilities(values, vocab, row, out);
  }
  return result;
}

}  // namespace

void bind_sampler(py::module_& core) {
  py::module_ m = core.def_submodule("sampler", "From logits to tokens: penalties, temperature, filters, draws.");
  py::class_<BoundRow>(m, "SamplerRow")
      .def(py::init(&make_row), py::kw_only(), py::arg("temperature") = 1.0f, py::arg("top_k") = 0,
           py::arg("top_p") = 1.0f, py::arg("min_p") = 0.0f, py::arg("typical_p") = 1.0f, py::arg("seed") = 0,
           py::arg("token_index") = 0, py::arg("repetition_penalty") = 1.0f, py::arg("presence_penalty") = 0.0f,
           py::arg("frequency_penalty") = 0.0f, py::arg("dry_multiplier") = 0.0f, py::arg("dry_base") = 1.75f,
           py::arg("dry_allowed_length") = 2, py::arg("dry_range") = 0, py::arg("dry_breakers") = py::none(),
           py::arg("logit_bias") = std::map<std::int32_t, float>(), py::arg("allowed") = py::none(),
           py::arg("no_repeat_ngram_size") = 0, py::arg("min_tokens") = 0, py::arg("end_ids") = py::tuple(),
           py::arg("prompt_ids") = py::tuple(), py::arg("output_ids") = py::tuple(), py::arg("logprobs") = py::none())
      .def_readwrite("temperature", &BoundRow::temperature)
      .def_readwrite("top_k", &BoundRow::top_k)
      .def_readwrite("top_p", &BoundRow::top_p)
      .def_readwrite("min_p", &BoundRow::min_p)
      .def_readwrite("typical_p", &BoundRow::typical_p)
      .def_readwrite("seed", &BoundRow::seed)
      .def_readwrite("token_index", &BoundRow::token_index)
      .def_readwrite("repetition_penalty", &BoundRow::repetition_penalty)
      .def_readwrite("presence_penalty", &BoundRow::presence_penalty)
      .def_readwrite("frequency_penalty", &BoundRow::frequency_penalty)
      .def_readwrite("dry_multiplier", &BoundRow::dry_multiplier)
      .def_readwrite("dry_base", &BoundRow::dry_base)
      .def_readwrite("dry_allowed_length", &BoundRow::dry_allowed_length)
      .def_readwrite("dry_range", &BoundRow::dry_range)
      .def_readwrite("no_repeat_ngram_size", &BoundRow::no_repeat_ngram_size)
      .def_readwrite("min_tokens", &BoundRow::min_tokens)
      .def_readwrite("logprobs", &BoundRow::logprobs)
      .def_property(
          "dry_breakers", [](const BoundRow& row) { return row.breakers_array; }, &set_breakers)
      .def_property(
          "allowed", [](const BoundRow& row) { return row.allowed_array; }, &set_allowed)
      .def_property("logit_bias", &get_bias, &set_bias)
      .def_property(
          "end_ids", [](const BoundRow& row) { return to_array(row.end_ids); },
          [](BoundRow& row, const py::object& ids) { row.end_ids = to_ids(ids); })
      .def_property(
          "prompt_ids", [](const BoundRow& row) { return to_array(row.prompt_ids); },
          [](BoundRow& row, const py::object& ids) { row.prompt_ids = to_ids(ids); })
      .def_property(
          "output_ids", [](const BoundRow& row) { return to_array(row.output_ids); },
          [](BoundRow& row, const py::object& ids) { row.output_ids = to_ids(ids); })
      .def(
          "append_output", [](BoundRow& row, std::int32_t id) { row.output_ids.push_back(id); }, py::arg("id"))
      .def("sync_output", &sync_output, py::arg("ids"), py::arg("begin"));
  py::class_<Sampled>(m, "Sampled")
      .def_readonly("token_id", &Sampled::token_id)
      .def_readonly("logprob", &Sampled::logprob)
      .def_readonly("top", &Sampled::top);
  py::class_<Continuation>(m, "Continuation")
      .def_readonly("token_id", &Continuation::token_id)
      .def_readonly("logprob", &Continuation::logprob)
      .def_readonly("score", &Continuation::score);
  py::class_<Continuations>(m, "Continuations")
      .def_readonly("best", &Continuations::best)
      .def_readonly("top", &Continuations::top);
  // The pool is an object here, because its class is registered by another area's binding.
  m.def("sample", &sample_rows, py::arg("logits").noconvert(), py::arg("rows"), py::arg("pool") = py::none(),
        py::arg("logit_rows") = py::none());
  m.def("verify", &verify_rows, py::arg("logits").noconvert(), py::arg("rows"), py::arg("drafts"),
        py::arg("pool") = py::none(), py::arg("logit_rows") = py::none());
  m.def("continuations", &continue_rows, py::arg("logits").noconvert(), py::arg("rows"), py::arg("counts"),
        py::arg("pool") = py::none(), py::arg("logit_rows") = py::none());
  m.def("probabilities", &row_probabilities, py::arg("logits").noconvert(), py::arg("row"));
}

}  // namespace llmagentos::bindings
