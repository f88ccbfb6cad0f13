// IQ4_NL: blocks of 32 values, x = d * level[q] with q of 4 bits and 16 unevenly spaced levels. Nibbles as in Q4_0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace llmagentos {

struct BlockIQ4NL {
  std::uint16_t d;  // f16
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockIQ4NL) == 18);

static constexpr std::int8_t kIQ4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

static inline void decode_iq4_nl(const BlockIQ4NL* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const float d = half_to_float(blocks[b].d);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(kIQ4Levels[blocks[b].qs[i] & 15]);
      out[i + 16] = d * static_cast<float>(kIQ4Levels[blocks[b].qs[i] >> 4]);
    }
  }
}

}  // namespace llmagentos
