// Q3_K: super-blocks of 256 values in 16 groups of 16, x = d * (scale - 32) * (q - 4) with q of 3 bits and scale of 6.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace llmagentos {

struct BlockQ3K {
  std::uint8_t hmask[32];  // high bit of value 32k + i: bit k of byte i
  std::uint8_t qs[64];     // low two bits, as in Q2_K
  std::uint8_t
      scales[12];   // group g: low 4 bits in nibble g / 8 of byte g % 8, high 2 bits at 2 * (g / 4) of byte 8 + g % 4
  std::uint16_t d;  // f16
};
static_assert(sizeof(BlockQ3K) == 110);

static inline int q3_k_scale(const std::uint8_t* scales, int group) {
  const int low = scales[group % 8] >> (group / 8 * 4) & 15;
  const int high = scales[8 + group % 4] >> (group / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

static inline void decode_q3_k(const BlockQ3K* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b, out += 256) {
    const BlockQ3K& block = blocks[b];
    const float d = half_to_float(block.d);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(q3_k_scale(block.scales, group));
      const int shift = group % 8 / 2 * 2;
      const std::uint8_t* const qs = block.qs + group / 8 * 32 + group % 2 * 16;
      const std::uint8_t* const high = block.hmask + group % 2 * 16;
      for (int i = 0; i < 16; ++i) {
        const int q = (qs[i] >> shift & 3) | (high[i] >> (group / 2) & 1) << 2;
        out[group * 16 + i] = scale * static_cast<float>(q - 4);
      }
    }
  }
}

}  // namespace llmagentos
