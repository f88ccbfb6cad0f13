// Reader of GGUF files, versions 2 and 3, little-endian. The format: ggml's docs/gguf.md.
//
// The file is hostile until checked: every count, length and offset is checked before it is used or allocated for, the
// memory taken stays under 4 times the file, and the time is n log n in its bytes. What is listed after construction
// can be read without further checks. Faults are ModelFormatError with the byte; UnsupportedModelError marks what the
// format allows and this reader does not have (version 1, big-endian, nested arrays, other tensor types).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/mapped_file.h"

namespace llmagentos {

// Values are the GGUF metadata type ids.
enum class GgufType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

// "u32", "string", ...
std::string_view gguf_type_name(GgufType type);

// A metadata value, still in the file's bytes (unaligned, little-endian).
struct GgufValue {
  GgufType type;          // GgufType::array for an array
  GgufType element_type;  // of the array's elements; same as `type` for a scalar
  std::uint64_t count;    // array: elements; string: bytes; otherwise 1
  const std::byte* data;  // scalar: its bytes; string: its text; array: its first element (strings: length, text, ...)

  bool is_array() const { return type == GgufType::array; }
};

struct GgufKeyValue {
  std::string_view key;  // UTF-8, not empty
  GgufValue value;
};

struct GgufTensor {
  std::string_view name;             // UTF-8
  DType dtype;                       // of this build's table
  std::vector<std::uint64_t> shape;  // 1 to 4 dims, outermost first: (rows, cols); each at least 1
  std::uint64_t offset;              // from the start of the file
  std::uint64_t n_bytes;
  const std::byte* data;  // aligned to 8 bytes or more
};

// What a file lists, in the file's order. The two orders hold positions sorted by name, for look-up: sorted rather
// than hashed, so that no file can be made that slows it.
struct GgufContents {
  std::uint32_t version = 0;
  std::vector<GgufKeyValue> metadata;
  std::vector<GgufTensor> tensors;
  std::vector<std::uint32_t> metadata_order;
  std::vector<std::uint32_t> tensor_order;
};

// Views (names, strings, data) live as long as the GgufFile. Reading is const and safe from several threads.
class GgufFile {
 public:
  // Throws FileOpenError, ModelFormatError, UnsupportedModelError.
  explicit GgufFile(std::string path);

  // Reads a file that is already in memory; `bytes` outlives the result and is aligned to 8 bytes (InvalidArgument).
  // `name` stands for the path in errors.
  static GgufFile from_memory(std::span<const std::byte> bytes, std::string name);

  const std::string& path() const { return path_; }
  std::uint32_t version() const { return contents_.version; }
  std::uint64_t n_bytes() const { return bytes_.size(); }

  // In the file's order.
  std::span<const GgufKeyValue> metadata() const { return contents_.metadata; }
  std::span<const GgufTensor> tensors() const { return contents_.tensors; }

  // nullptr where the file has no such tensor or key.
  const GgufTensor* find(std::string_view name) const;
  const GgufValue* value(std::string_view key) const;

  // Scalars: nothing where the key is absent; ModelFormatError where it holds another type (any integer type, any
  // float type or integer for `number`) or a number outside int64.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;

  // Arrays: ModelFormatError where the key is absent, holds no array of that kind (ints: any integer type whose values
  // fit int32; floats: f32 or f64), or a value does not fit. Texts are bytes as they stand: not checked to be UTF-8.
  std::vector<std::string_view> string_array(std::string_view key) const;
  std::vector<float> float_array(std::string_view key) const;
  std::vector<std::int32_t> int_array(std::string_view key) const;

  // Where in the file a value or a tensor's data lies.
  std::uint64_t offset_of(const std::byte* at) const { return static_cast<std::uint64_t>(at - bytes_.data()); }

  // Drops the pages of a part of the tensor from memory, whole pages inside it only; they are read from the file again
  // when touched. Nothing for from_memory.
  void drop_pages(const GgufTensor& tensor, std::size_t offset, std::size_t n_bytes) const;

 private:
  GgufFile(std::string path, std::optional<MappedFile> map, std::span<const std::byte> bytes);
  const GgufValue& array_of(std::string_view key, std::string_view wanted) const;
  [[noreturn]] void wrong_type(std::string_view key, const GgufValue& value, std::string_view wanted) const;

  std::string path_;
  std::optional<MappedFile> map_;
  std::span<const std::byte> bytes_;
  GgufContents contents_;
};

}  // namespace llmagentos
