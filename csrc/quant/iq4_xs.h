// IQ4_XS: super-blocks of 256 values in 8 groups of 32, x = d * (scale - 32) * level[q] with the levels of IQ4_NL and
// scales of 6 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/iq4_nl.h"

namespace llmagentos {

struct BlockIQ4XS {
  std::uint16_t d;           // f16
  std::uint16_t scales_h;    // high two bits of group g's scale: bits 2g and 2g+1
  std::uint8_t scales_l[4];  // low four bits: nibble g % 2 of byte g / 2
  std::uint8_t qs[128];      // 16 bytes a group, nibbles as in Q4_0
};
static_assert(sizeof(BlockIQ4XS) == 136);

static inline void decode_iq4_xs(const BlockIQ4XS* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b, out += 256) {
    const BlockIQ4XS& block = blocks[b];
    const float d = half_to_float(block.d);
    for (int group = 0; group < 8; ++group) {
      const int low = block.scales_l[group / 2] >> (group % 2 * 4) & 15;
      const int high = block.scales_h >> (group * 2) & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      const std::uint8_t* const qs = block.qs + group * 16;
      for (int i = 0; i < 16; ++i) {
        out[group * 32 + i] = scale * static_cast<float>(kIQ4Levels[qs[i] & 15]);
        out[group * 32 + i + 16] = scale * static_cast<float>(kIQ4Levels[qs[i] >> 4]);
      }
    }
  }
}

}  // namespace llmagentos
