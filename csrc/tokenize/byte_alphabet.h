// The printable characters that stand for bytes in a byte-level BPE vocabulary (GPT-2's bytes_to_unicode).
#pragma once

#include <array>
#include <cstdint>

namespace llmagentos {

// Printable Latin-1 bytes stand for themselves, the others for U+0100 and on, in order.
inline constexpr std::array<std::uint16_t, 256> kByteAlphabet = [] {
  std::array<std::uint16_t, 256> characters{};
  std::uint16_t next = 0x100;
  for (std::uint16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}();

// The byte a character stands for, or -1. U+0143 is the last character of the alphabet.
inline constexpr std::array<std::int16_t, 0x144> kAlphabetByte = [] {
  std::array<std::int16_t, 0x144> bytes{};
  bytes.fill(-1);
  for (std::size_t byte = 0; byte < 256; ++byte) bytes[kByteAlphabet[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}();

}  // namespace llmagentos
