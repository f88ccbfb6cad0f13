#include <pybind11/stl.h>

#include <memory>

#include "base/error.h"
#include "bindings/bind.h"
#include "bindings/gil.h"
#include "formats/gguf.h"
#include "tokenize/tokenizer.h"

namespace py = pybind11;

namespace llmagentos::bindings {
namespace {

// Magic, version, two counts and the first key's length come before the first key.
constexpr std::size_t kFirstKeyOffset = 32;
constexpr const char* kRoles[] = {"bos",     "eos",     "eot",     "eom",     "unknown", "padding",
                                  "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep"};

Vocabulary read_vocabulary(const GgufFile& file) {
  const std::string prefix = "tokenizer.ggml.";
  const auto has = [&](const char* key) { return file.value(prefix + key) != nullptr; };
  Vocabulary vocabulary;
  vocabulary.path = file.path();
  if (!file.metadata().empty()) vocabulary.base = file.metadata().front().key.data() - kFirstKeyOffset;
  vocabulary.model = file.string(prefix + "model").value_or("");
  vocabulary.pre = file.string(prefix + "pre").value_or("");
  if (has("tokens")) vocabulary.tokens = file.string_array(prefix + "tokens");
  if (has("scores")) vocabulary.scores = file.float_array(prefix + "scores");
  if (has("token_type")) vocabulary.types = file.int_array(prefix + "token_type");
  if (has("merges")) vocabulary.merges = file.string_array(prefix + "merges");
  for (const char* role : kRoles) {
    const std::string key = prefix + role + "_token_id";
    if (const auto id = file.integer(key)) vocabulary.roles.push_back({role, *id, file.value(key)->data});
  }
  vocabulary.add_bos = file.boolean(prefix + "add_bos_token");
  vocabulary.add_eos = file.boolean(prefix + "add_eos_token");
  vocabulary.add_space_prefix = file.boolean(prefix + "add_space_prefix");
  return vocabulary;
}

std::unique_ptr<Tokenizer> from_gguf(const std::shared_ptr<GgufFile>& file) {
  const ReleasedGil released;
  return std::make_unique<Tokenizer>(read_vocabulary(*file), file);
}

std::string_view text_view(const py::object& text) {
  if (py::isinstance<py::bytes>(text)) return py::reinterpret_borrow<py::bytes>(text);
  if (!py::isinstance<py::str>(text)) throw py::type_error("text must be str or bytes");
  py::ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data) return {data, static_cast<std::size_t>(size)};
  PyErr_Clear();
  throw InvalidArgument("text holds a lone surrogate, which has no UTF-8");
}

std::vector<std::int32_t> encode(const Tokenizer& tokenizer, const py::object& text, bool add_special,
                                 bool parse_special) {
  const std::string_view view = text_view(text);
  const ReleasedGil released;
  return tokenizer.encode(view, add_special, parse_special);
}

py::bytes decode(const Tokenizer& tokenizer, const std::vector<std::int64_t>& ids, bool skip_special) {
  std::string bytes;
  {
    const ReleasedGil released;
    bytes = tokenizer.decode(ids, skip_special);
  }
  return py::bytes(bytes);
}

// Entries that are not UTF-8 come as surrogate escapes, like GgufFile's texts.
py::object token_text(const Tokenizer& tokenizer, std::int64_t id) {
  const std::string_view text = tokenizer.token_text(id);
  PyObject* const decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "surrogateescape");
  if (!decoded) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(decoded);
}

}  // namespace

void bind_tokenize(py::module_& core) {
  py::module_ module = core.def_submodule("tokenize", "Tokenizers of model files.");
  py::class_<Tokenizer>(module, "Tokenizer")
      .def_static("from_gguf", &from_gguf, py::arg("file"))
      .def_property_readonly("n_vocab", &Tokenizer::n_vocab)
      .def_property_readonly("bos_id", &Tokenizer::bos_id)
      .def_property_readonly("eos_id", &Tokenizer::eos_id)
      .def_property_readonly("pad_id", &Tokenizer::pad_id)
      .def_property_readonly("unk_id", &Tokenizer::unk_id)
      .def_property_readonly("add_bos", &Tokenizer::add_bos)
      .def_property_readonly("add_eos", &Tokenizer::add_eos)
      .def_property_readonly("end_ids", &Tokenizer::end_ids)
      .def("encode", &encode, py::arg("text"), py::arg("add_special") = true, py::arg("parse_special") = true)
      .def("decode", &decode, py::arg("ids"), py::arg("skip_special") = false)
      .def(
          "token_bytes", [](const Tokenizer& self, std::int64_t id) { return py::bytes(self.token_bytes(id)); },
          py::arg("id"))
      .def("token_text", &token_text, py::arg("id"))
      .def("is_special", &Tokenizer::is_special, py::arg("id"));
}

}  // namespace llmagentos::bindings
