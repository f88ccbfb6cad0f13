// Builds small GGUF files in memory, for the tests of the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf.h"

namespace gguf_builder {

// Appends as many little-endian values and raw texts as asked.
class Bytes {
 public:
  template <typename T>
  Bytes& value(T v) {
    return raw({reinterpret_cast<const char*>(&v), sizeof v});
  }
  // One by one: GCC 12 at -O3 sees an overflow in vector's insert of a range that is none.
  Bytes& raw(std::string_view text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  // A length of 64 bits and the text. Lengths are remembered: the fuzz test edits them.
  Bytes& string(std::string_view text) { return length(text.size()).raw(text); }
  Bytes& length(std::uint64_t n) {
    lengths_.push_back(bytes_.size());
    return value(n);
  }
  Bytes& type(llmagentos::GgufType t) { return value(static_cast<std::uint32_t>(t)); }
  Bytes& pad(std::size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  Bytes& zeros(std::size_t n) {
    bytes_.resize(bytes_.size() + n);
    return *this;
  }
  std::vector<std::byte>& bytes() { return bytes_; }
  const std::vector<std::size_t>& lengths() const { return lengths_; }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> lengths_;
};

inline Bytes header(std::uint32_t version, std::uint64_t n_tensors, std::uint64_t n_metadata) {
  Bytes out;
  out.raw("GGUF").value(version).length(n_tensors).length(n_metadata);
  return out;
}

// Dims innermost first, as the file has them.
inline void tensor(Bytes& out, std::string_view name, std::vector<std::uint64_t> dims, llmagentos::DType dtype,
                   std::uint64_t offset) {
  out.string(name).value(static_cast<std::uint32_t>(dims.size()));
  for (const std::uint64_t dim : dims) out.length(dim);
  out.value(static_cast<std::uint32_t>(dtype)).length(offset);
}

// One key of every type, arrays of texts, ints, floats and bools, and three tensors.
inline Bytes everything(std::uint32_t version) {
  using llmagentos::DType;
  using llmagentos::GgufType;
  Bytes out = header(version, 3, 17);
  out.string("general.architecture").type(GgufType::string).string("llama");
  out.string("a.u8").type(GgufType::u8).value(std::uint8_t{200});
  out.string("a.i8").type(GgufType::i8).value(std::int8_t{-100});
  out.string("a.u16").type(GgufType::u16).value(std::uint16_t{60000});
  out.string("a.i16").type(GgufType::i16).value(std::int16_t{-30000});
  out.string("a.u32").type(GgufType::u32).value(std::uint32_t{4000000000u});
  out.string("a.i32").type(GgufType::i32).value(std::int32_t{-2000000000});
  out.string("a.f32").type(GgufType::f32).value(1.5f);
  out.string("a.bool").type(GgufType::boolean).value(std::uint8_t{1});
  out.string("a.u64").type(GgufType::u64).value(std::uint64_t{1} << 63);
  out.string("a.i64").type(GgufType::i64).value(-(std::int64_t{1} << 62));
  out.string("a.f64").type(GgufType::f64).value(2.25);
  out.string("l.strings").type(GgufType::array).type(GgufType::string).length(4);
  for (const char* text : {"<s>", "", "\xe2\x96\x81hello", "\xff"}) out.string(text);
  out.string("l.i32").type(GgufType::array).type(GgufType::i32).length(3);
  for (const std::int32_t i : {1, -2, 3}) out.value(i);
  out.string("l.f32").type(GgufType::array).type(GgufType::f32).length(2).value(-0.5f).value(8.0f);
  out.string("l.bool").type(GgufType::array).type(GgufType::boolean).length(2).raw(std::string_view("\0\1", 2));
  out.string("l.empty").type(GgufType::array).type(GgufType::string).length(0);
  tensor(out, "token_embd.weight", {32, 4}, DType::q8_0, 0);
  tensor(out, "norm.weight", {8}, DType::f32, 160);
  tensor(out, "deep", {2, 3, 2, 2}, DType::f16, 192);
  out.pad(32).zeros(160 + 32 + 48);
  return out;
}

// What a vocabulary looks like: many short texts with scores and types, and no tensor.
inline Bytes vocabulary() {
  using llmagentos::GgufType;
  Bytes out = header(3, 0, 4);
  out.string("general.alignment").type(GgufType::u32).value(std::uint32_t{64});
  out.string("tokenizer.ggml.tokens").type(GgufType::array).type(GgufType::string).length(100);
  for (int i = 0; i < 100; ++i) out.string(std::to_string(i) + "t");
  out.string("tokenizer.ggml.scores").type(GgufType::array).type(GgufType::f32).length(100);
  for (int i = 0; i < 100; ++i) out.value(static_cast<float>(-i));
  out.string("tokenizer.ggml.token_type").type(GgufType::array).type(GgufType::u8).length(100).zeros(100);
  return out;
}

// As many of the smallest entries as fit: the most memory for the fewest bytes.
inline Bytes many_small() {
  using llmagentos::DType;
  using llmagentos::GgufType;
  Bytes out = header(3, 60, 200);
  for (int i = 0; i < 200; ++i) {
    const char key[] = {static_cast<char>('a' + i / 26), static_cast<char>('a' + i % 26), 0};
    out.string(key).type(GgufType::u8).value(std::uint8_t{0});
  }
  for (int i = 0; i < 60; ++i) {
    const char name[] = {static_cast<char>('0' + i), 0};
    tensor(out, name, {1}, DType::f32, static_cast<std::uint64_t>(i) * 32);
  }
  return out.pad(32).zeros(60 * 32);
}

}  // namespace gguf_builder
