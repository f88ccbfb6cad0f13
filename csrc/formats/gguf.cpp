#include "formats/gguf.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "formats/byte_reader.h"
#include "formats/gguf_parse.h"

namespace llmagentos {
namespace {

constexpr std::string_view kTypeNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                           "bool", "string", "array", "u64", "i64", "f64"};

template <typename Entry, typename Name>
const Entry* find_by_name(const std::vector<Entry>& entries, const std::vector<std::uint32_t>& order,
                          std::string_view wanted, Name name) {
  const auto at = std::lower_bound(order.begin(), order.end(), wanted,
                                   [&](std::uint32_t i, std::string_view w) { return name(entries[i]) < w; });
  return at != order.end() && name(entries[*at]) == wanted ? &entries[*at] : nullptr;
}

// Nothing for a type that is no integer, and for a u64 above the largest int64.
std::optional<std::int64_t> load_integer(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::u8:
      return load<std::uint8_t>(at);
    case GgufType::i8:
      return load<std::int8_t>(at);
    case GgufType::u16:
      return load<std::uint16_t>(at);
    case GgufType::i16:
      return load<std::int16_t>(at);
    case GgufType::u32:
      return load<std::uint32_t>(at);
    case GgufType::i32:
      return load<std::int32_t>(at);
    case GgufType::i64:
      return load<std::int64_t>(at);
    case GgufType::u64: {
      const auto value = load<std::uint64_t>(at);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

bool is_integer(GgufType type) { return type <= GgufType::i32 || type == GgufType::u64 || type == GgufType::i64; }

}  // namespace

std::string_view gguf_type_name(GgufType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

GgufFile::GgufFile(std::string path, std::optional<MappedFile> map, std::span<const std::byte> bytes)
    : path_(std::move(path)), map_(std::move(map)), bytes_(map_ ? map_->bytes() : bytes) {
  contents_ = parse_gguf(bytes_, path_);
}

GgufFile::GgufFile(std::string path) : GgufFile(path, MappedFile(path), {}) {}

GgufFile GgufFile::from_memory(std::span<const std::byte> bytes, std::string name) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 != 0)
    throw InvalidArgument(name + ": the memory of a GGUF file must be aligned to 8 bytes");
  return GgufFile(std::move(name), std::nullopt, bytes);
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  return find_by_name(contents_.tensors, contents_.tensor_order, name, [](const GgufTensor& t) { return t.name; });
}

const GgufValue* GgufFile::value(std::string_view key) const {
  const GgufKeyValue* const entry =
      find_by_name(contents_.metadata, contents_.metadata_order, key, [](const GgufKeyValue& e) { return e.key; });
  return entry ? &entry->value : nullptr;
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const GgufValue* const found = value(key);
  if (!found) return std::nullopt;
  const std::optional<std::int64_t> number = load_integer(found->type, found->data);
  if (!number) wrong_type(key, *found, "an integer of 64 bits");
  return number;
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const GgufValue* const found = value(key);
  if (!found) return std::nullopt;
  if (found->type == GgufType::f32) return load<float>(found->data);
  if (found->type == GgufType::f64) return load<double>(found->data);
  const std::optional<std::int64_t> number = load_integer(found->type, found->data);
  if (!number) wrong_type(key, *found, "a number");
  return static_cast<double>(*number);
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const GgufValue* const found = value(key);
  if (!found) return std::nullopt;
  if (found->type != GgufType::boolean) wrong_type(key, *found, "a bool");
  return load<std::uint8_t>(found->data) != 0;
}

std::optional<std::string_view> GgufFile::string(std::string_view key) const {
  const GgufValue* const found = value(key);
  if (!found) return std::nullopt;
  if (found->type != GgufType::string) wrong_type(key, *found, "a string");
  return std::string_view(reinterpret_cast<const char*>(found->data), found->count);
}

std::vector<std::string_view> GgufFile::string_array(std::string_view key) const {
  const GgufValue& found = array_of(key, "an array of strings");
  if (found.element_type != GgufType::string) wrong_type(key, found, "an array of strings");
  std::vector<std::string_view> texts;
  texts.reserve(found.count);
  const std::byte* at = found.data;
  for (std::uint64_t i = 0; i < found.count; ++i) {
    const auto length = load<std::uint64_t>(at);
    texts.emplace_back(reinterpret_cast<const char*>(at + sizeof length), length);
    at += sizeof length + length;
  }
  return texts;
}

std::vector<float> GgufFile::float_array(std::string_view key) const {
  const GgufValue& found = array_of(key, "an array of floats");
  const bool wide = found.element_type == GgufType::f64;
  if (!wide && found.element_type != GgufType::f32) wrong_type(key, found, "an array of floats");
  std::vector<float> values(found.count);
  for (std::uint64_t i = 0; i < found.count; ++i) {
    const std::byte* const at = found.data + i * (wide ? sizeof(double) : sizeof(float));
    const double exact = wide ? load<double>(at) : 0;
    if (std::isfinite(exact) && std::abs(exact) > std::numeric_limits<float>::max())
      throw ModelFormatError("key " + quoted(key) + " holds a float that 32 bits cannot hold", path_, offset_of(at));
    values[i] = wide ? static_cast<float>(exact) : load<float>(at);
  }
  return values;
}

std::vector<std::int32_t> GgufFile::int_array(std::string_view key) const {
  const GgufValue& found = array_of(key, "an array of integers");
  if (!is_integer(found.element_type)) wrong_type(key, found, "an array of integers");
  const std::size_t element_bytes = gguf_type_bytes(found.element_type);
  std::vector<std::int32_t> values(found.count);
  for (std::uint64_t i = 0; i < found.count; ++i) {
    const std::byte* const at = found.data + i * element_bytes;
    const std::optional<std::int64_t> number = load_integer(found.element_type, at);
    if (!number || *number != static_cast<std::int32_t>(*number))
      throw ModelFormatError("key " + quoted(key) + " holds an integer that 32 bits cannot hold", path_, offset_of(at));
    values[i] = static_cast<std::int32_t>(*number);
  }
  return values;
}

void GgufFile::drop_pages(const GgufTensor& tensor, std::size_t offset, std::size_t n_bytes) const {
  if (map_) map_->advise_dont_need(tensor.offset + offset, n_bytes);
}

const GgufValue& GgufFile::array_of(std::string_view key, std::string_view wanted) const {
  const GgufValue* const found = value(key);
  if (!found) throw ModelFormatError("there is no key " + quoted(key), path_, 0);
  if (!found->is_array()) wrong_type(key, *found, wanted);
  return *found;
}

void GgufFile::wrong_type(std::string_view key, const GgufValue& value, std::string_view wanted) const {
  const std::string held = value.is_array() ? "an array of " + std::string(gguf_type_name(value.element_type))
                                            : "a " + std::string(gguf_type_name(value.type));
  throw ModelFormatError("key " + quoted(key) + " holds " + held + ", not " + std::string(wanted), path_,
                         offset_of(value.data));
}

}  // namespace llmagentos
