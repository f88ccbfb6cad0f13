#include "formats/gguf.h"

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "check.h"
#include "formats/utf8.h"
#include "gguf_builder.h"

using namespace llmagentos;
namespace build = gguf_builder;

namespace {

GgufFile open(build::Bytes& bytes) { return GgufFile::from_memory(bytes.bytes(), "test.gguf"); }

// The error's text and offset; an empty text where none is thrown.
struct Refusal {
  std::string message;
  std::uint64_t offset = 0;
  bool says(std::string_view part) const { return message.find(part) != std::string::npos; }
};

Refusal refusal(build::Bytes bytes) {
  try {
    open(bytes);
  } catch (const ModelFormatError& error) {
    return {error.what(), error.offset};
  } catch (const UnsupportedModelError& error) {
    return {std::string("unsupported: ") + error.what(), 0};
  }
  return {};
}

// One tensor in an otherwise empty file, with n zero bytes of data.
build::Bytes one_tensor(std::vector<std::uint64_t> dims, std::uint32_t type, std::uint64_t offset, std::size_t n) {
  build::Bytes out = build::header(3, 1, 0);
  build::tensor(out, "w", dims, static_cast<DType>(type), offset);
  out.pad(32).zeros(n);
  return out;
}

build::Bytes one_value(GgufType type, std::string_view raw, std::string_view key = "k") {
  build::Bytes out = build::header(3, 0, 1);
  out.string(key).type(type).raw(raw);
  return out;
}

}  // namespace

TEST(values_and_tensors_are_read) {
  for (const std::uint32_t version : {2u, 3u}) {
    build::Bytes bytes = build::everything(version);
    const GgufFile file = open(bytes);
    CHECK(file.version() == version);
    CHECK(file.metadata().size() == 17);
    CHECK(file.string("general.architecture") == "llama");
    CHECK(file.integer("a.u8") == 200 && file.integer("a.i8") == -100);
    CHECK(file.integer("a.u16") == 60000 && file.integer("a.i16") == -30000);
    CHECK(file.integer("a.u32") == 4000000000 && file.integer("a.i32") == -2000000000);
    CHECK(file.integer("a.i64") == -(std::int64_t{1} << 62));
    CHECK(file.number("a.f32") == 1.5 && file.number("a.f64") == 2.25 && file.number("a.u8") == 200);
    CHECK(file.boolean("a.bool") == true);
    CHECK(!file.integer("absent") && !file.string("absent") && !file.value("absent"));
    CHECK((file.string_array("l.strings") == std::vector<std::string_view>{"<s>", "", "\xe2\x96\x81hello", "\xff"}));
    CHECK((file.int_array("l.i32") == std::vector<std::int32_t>{1, -2, 3}));
    CHECK((file.float_array("l.f32") == std::vector<float>{-0.5f, 8.0f}));
    CHECK(file.string_array("l.empty").empty());

    const GgufTensor* const deep = file.find("deep");
    CHECK(deep != nullptr);
    CHECK((deep->shape == std::vector<std::uint64_t>{2, 2, 3, 2}));
    CHECK(deep->dtype == DType::f16 && deep->n_bytes == 48 && deep->offset % 32 == 0);
    CHECK(deep->data == bytes.bytes().data() + deep->offset);
    CHECK((file.find("token_embd.weight")->shape == std::vector<std::uint64_t>{4, 32}));
    CHECK(file.find("absent") == nullptr);
  }
}

TEST(values_of_another_type_are_refused) {
  build::Bytes bytes = build::everything(3);
  const GgufFile file = open(bytes);
  CHECK_THROWS(ModelFormatError, file.integer("a.f32"));
  CHECK_THROWS(ModelFormatError, file.integer("a.u64"));  // 2^63
  CHECK_THROWS(ModelFormatError, file.string("a.u8"));
  CHECK_THROWS(ModelFormatError, file.boolean("a.u8"));
  CHECK_THROWS(ModelFormatError, file.number("general.architecture"));
  CHECK_THROWS(ModelFormatError, file.integer("l.i32"));
  CHECK_THROWS(ModelFormatError, file.int_array("l.f32"));
  CHECK_THROWS(ModelFormatError, file.float_array("l.i32"));
  CHECK_THROWS(ModelFormatError, file.string_array("l.i32"));
  CHECK_THROWS(ModelFormatError, file.string_array("general.architecture"));
  CHECK_THROWS(ModelFormatError, file.int_array("absent"));
}

TEST(headers_that_are_wrong_are_refused) {
  build::Bytes other;
  CHECK(refusal(other.raw("PK\3\4 and so on and so on")).says("at byte 0: wrong magic \"PK\\x03\\x04\""));
  CHECK(refusal(build::header(1, 0, 0)).says("unsupported: test.gguf: at byte 4: GGUF version 1"));
  CHECK(refusal(build::header(0x03000000, 0, 0)).says("big-endian"));
  CHECK(refusal(build::header(4, 0, 0)).says("at byte 4: unknown GGUF version 4"));
  CHECK(refusal(build::header(3, ~std::uint64_t{0}, 0)).says("at byte 8: a tensor count of 18446744073709551615"));
  CHECK(refusal(build::header(3, 0, 1)).says("at byte 16: a metadata count of 1 in a file with room for 0"));
}

TEST(metadata_that_is_wrong_is_refused) {
  using enum GgufType;
  CHECK(refusal(one_value(boolean, "\2")).says("at byte 37: key \"k\" holds the bool 2"));
  CHECK(refusal(one_value(static_cast<GgufType>(13), "abcd")).says("value type 13"));
  CHECK(refusal(one_value(u8, "a", "\xc3(")).says("\"\\xc3(\" is not UTF-8"));
  CHECK(refusal(one_value(u8, "abc", "")).says("a metadata key is empty"));
  CHECK(refusal(one_value(u64, "abc")).says("truncated: a value takes 8 bytes and the file needs 5 bytes more"));
  CHECK(refusal(one_value(u32, std::string_view("\3\0\0\0", 4), "general.alignment")).says("is 3, not a power of two"));
  CHECK(refusal(one_value(u32, std::string_view("\4\0\0\0", 4), "general.alignment")).says("at least 8"));
  CHECK(refusal(one_value(u32, std::string_view("\0\0\0\0", 4), "general.alignment")).says("is 0, not"));

  build::Bytes twice = build::header(3, 0, 2);
  for (int i = 0; i < 2; ++i) twice.string("key").type(u8).raw("x");
  CHECK(refusal(twice).says("the key \"key\" appears twice"));
  CHECK(refusal(twice).offset == 48);  // the second one's text

  build::Bytes nested = build::header(3, 0, 1);
  nested.string("k").type(array).type(array).length(1).type(u8).length(1).raw("x");
  CHECK(refusal(nested).says("unsupported: ") && refusal(nested).says("arrays inside an array"));

  build::Bytes long_array = build::header(3, 0, 1);
  long_array.string("k").type(array).type(u64).length(std::uint64_t{1} << 61);
  CHECK(refusal(long_array).says("truncated: the array of key \"k\" has 2305843009213693952 elements"));
}

TEST(tensors_that_are_wrong_are_refused) {
  const std::uint64_t huge = std::uint64_t{1} << 40;
  CHECK(refusal(one_tensor({8}, 0, 0, 32)).message.empty());
  CHECK(refusal(one_tensor({8}, 0, 0, 31)).says("needs 1 bytes more"));
  CHECK(refusal(one_tensor({8}, 0, 0, 31)).offset == 64 + 31);
  CHECK(refusal(one_tensor({8}, 16, 0, 32)).says("unsupported: "));
  CHECK(refusal(one_tensor({8}, 16, 0, 32)).says("tensor \"w\" has the type id 16"));
  CHECK(refusal(one_tensor({33}, 2, 0, 64)).says("rows of 33 values, not whole Q4_0 blocks of 32"));
  CHECK(refusal(one_tensor({8}, 0, 16, 64)).says("offset 16, not a multiple of the alignment 32"));
  CHECK(refusal(one_tensor({8}, 0, ~std::uint64_t{31}, 64)).says("64 bits cannot hold"));
  CHECK(refusal(one_tensor({huge, huge}, 0, 0, 64)).says("more elements than 63 bits"));
  CHECK(refusal(one_tensor({huge, huge >> 18}, 0, 0, 64)).says("more bytes than 64 bits"));
  CHECK(refusal(one_tensor({0}, 0, 0, 64)).says("a dimension of 0"));
  CHECK(refusal(one_tensor({1, 1, 1, 1, 1}, 0, 0, 64)).says("has 5 dimensions"));

  build::Bytes twice = build::header(3, 2, 0);
  build::tensor(twice, "w", {8}, DType::f32, 0);
  build::tensor(twice, "w", {8}, DType::f32, 32);
  CHECK(refusal(twice.pad(32).zeros(64)).says("the tensor name \"w\" appears twice"));

  build::Bytes shared = build::header(3, 2, 0);
  build::tensor(shared, "a", {16}, DType::f32, 0);
  build::tensor(shared, "b", {8}, DType::f32, 32);
  CHECK(refusal(shared.pad(32).zeros(64)).says("tensor \"b\" overlaps tensor \"a\""));
}

TEST(dropped_pages_are_read_again) {
  build::Bytes bytes = one_tensor({65536}, 0, 0, 65536 * 4);
  for (std::size_t i = 64; i < bytes.bytes().size(); ++i) bytes.bytes()[i] = static_cast<std::byte>(i % 251);
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("gguf_test." + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.bytes().data()), static_cast<std::streamsize>(bytes.bytes().size()));
  {
    const GgufFile file(path.string());
    const GgufTensor* const tensor = file.find("w");
    const std::byte* const expected = bytes.bytes().data() + tensor->offset;
    CHECK(std::memcmp(tensor->data, expected, tensor->n_bytes) == 0);
    file.drop_pages(*tensor, 0, tensor->n_bytes);
    CHECK(std::memcmp(tensor->data, expected, tensor->n_bytes) == 0);

    MappedFile first(path.string());
    const std::byte* const data = first.data();
    const MappedFile second = std::move(first);
    CHECK(first.data() == nullptr && first.size() == 0);
    CHECK(second.data() == data && second.size() == bytes.bytes().size());
    second.advise_dont_need(second.size() - 1, ~std::size_t{0});
    second.advise_dont_need(~std::size_t{0}, 1);
    advise_dont_need(second.data() + 1, second.size() - 1);
    advise_dont_need(second.data(), 0);
    CHECK(std::memcmp(second.data(), bytes.bytes().data(), second.size()) == 0);
  }
  std::filesystem::remove(path);
}

TEST(memory_must_be_aligned) {
  build::Bytes bytes = build::everything(3);
  CHECK_THROWS(InvalidArgument, GgufFile::from_memory(std::span(bytes.bytes()).subspan(1), "odd"));
}

TEST(utf8_is_told_from_other_bytes) {
  for (const char* text : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xe2\x82\xac z"})
    CHECK(is_valid_utf8(text));
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
                           "\xe2\x82(", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3("})
    CHECK(!is_valid_utf8(text));
}

TEST_MAIN
