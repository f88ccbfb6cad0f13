#include "formats/byte_reader.h"

namespace llmagentos {

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 64;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\')
      out += c;
    else
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out + (text.size() > kShown ? "...\"" : "\"");
}

void ByteReader::fail(const std::string& message, std::uint64_t at) const {
  throw ModelFormatError(message, path_, at);
}

void ByteReader::truncated(std::uint64_t n, std::string_view what) const {
  fail("truncated: " + std::string(what) + " takes " + std::to_string(n) + " bytes and the file needs " +
           std::to_string(n - left()) + " bytes more",
       position_);
}

}  // namespace llmagentos
