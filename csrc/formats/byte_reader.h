// Reads little-endian values one after another from bytes that nobody has checked.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace llmagentos {

static_assert(std::endian::native == std::endian::little, "files are read as they stand in memory");

// A T that stands at any address.
template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A name from the file, for a message: quoted, cut at 64 bytes, with everything but printable ASCII escaped.
std::string quoted(std::string_view text);

// Every read is checked against what is left. `what` names the thing read, for the message.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }

  template <typename T>
  T read(std::string_view what) {
    return load<T>(skip(sizeof(T), what));
  }

  // A length of 64 bits, then that many bytes.
  std::string_view read_string(std::string_view what) {
    const auto length = read<std::uint64_t>(what);
    return {reinterpret_cast<const char*>(skip(length, what)), static_cast<std::size_t>(length)};
  }

  // Returns where the n bytes start.
  const std::byte* skip(std::uint64_t n, std::string_view what) {
    if (n > left()) truncated(n, what);
    const std::byte* const at = bytes_.data() + position_;
    position_ += n;
    return at;
  }

  [[noreturn]] void fail(const std::string& message, std::uint64_t at) const;

 private:
  [[noreturn]] void truncated(std::uint64_t n, std::string_view what) const;

  std::span<const std::byte> bytes_;
  const std::string& path_;
  std::uint64_t position_ = 0;
};

}  // namespace llmagentos
