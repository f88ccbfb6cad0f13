// Q2_K: super-blocks of 256 values in 16 groups of 16, x = d * scale * q - dmin * min with q of 2 bits, scale and min
// of 4 bits each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace llmagentos {

struct BlockQ2K {
  std::uint8_t scales[16];  // of group g: scale in the low nibble, min in the high one
  std::uint8_t qs[64];      // value 128h + 32p + i: bits 2p and 2p+1 of byte 32h + i
  std::uint16_t d;          // f16
  std::uint16_t dmin;       // f16
};
static_assert(sizeof(BlockQ2K) == 84);

static inline void decode_q2_k(const BlockQ2K* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b, out += 256) {
    const BlockQ2K& block = blocks[b];
    const float d = half_to_float(block.d);
    const float dmin = half_to_float(block.dmin);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(block.scales[group] & 15);
      const float min = dmin * static_cast<float>(block.scales[group] >> 4);
      const int shift = group % 8 / 2 * 2;
      const std::uint8_t* const qs = block.qs + group / 8 * 32 + group % 2 * 16;
      for (int i = 0; i < 16; ++i) out[group * 16 + i] = scale * static_cast<float>(qs[i] >> shift & 3) - min;
    }
  }
}

}  // namespace llmagentos
