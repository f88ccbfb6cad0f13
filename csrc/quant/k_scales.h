// The 8 scales and 8 mins of 6 bits that Q4_K and Q5_K pack into 12 bytes.
#pragma once

#include <cstdint>

namespace llmagentos {

// Groups 0-3: the low 6 bits of bytes 0-3 (scale) and 4-7 (min). Groups 4-7: 4 bits in bytes 8-11 (scale low nibble,
// min high nibble), and the top 2 bits of bytes 0-3 (scale) and 4-7 (min) above them.
static inline void unpack_k_scale(const std::uint8_t packed[12], int group, std::uint8_t& scale, std::uint8_t& min) {
  if (group < 4) {
    scale = packed[group] & 63;
    min = packed[group + 4] & 63;
  } else {
    scale = static_cast<std::uint8_t>((packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4);
    min = static_cast<std::uint8_t>((packed[group + 4] >> 4) | (packed[group] >> 6) << 4);
  }
}

static inline void unpack_k_scales(const std::uint8_t packed[12], std::uint8_t scales[8], std::uint8_t mins[8]) {
  for (int group = 0; group < 8; ++group) unpack_k_scale(packed, group, scales[group], mins[group]);
}

static inline void pack_k_scales(const std::uint8_t scales[8], const std::uint8_t mins[8], std::uint8_t packed[12]) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<std::uint8_t>(scales[i] | (scales[i + 4] >> 4) << 6);
    packed[i + 4] = static_cast<std::uint8_t>(mins[i] | (mins[i + 4] >> 4) << 6);
    packed[i + 8] = static_cast<std::uint8_t>((scales[i + 4] & 15) | (mins[i + 4] & 15) << 4);
  }
}

}  // namespace llmagentos
