// Q6_K: super-blocks of 256 values in 16 groups of 16, x = d * scale * (q - 32) with q of 6 bits and a signed scale of
// 8 bits. q6_k_encode.h encodes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace llmagentos {

struct BlockQ6K {
  // Value 128h + 32p + i (p of 0 to 3): its low four bits are nibble p / 2 of ql[64h + 32 * (p % 2) + i], its high two
  // are bits 2p and 2p+1 of qh[32h + i].
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;  // f16
};
static_assert(sizeof(BlockQ6K) == 210);

static inline void decode_q6_k(const BlockQ6K* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b, out += 256) {
    const BlockQ6K& block = blocks[b];
    const float d = half_to_float(block.d);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(block.scales[group]);
      const int half = group / 8, part = group % 8 / 2, first = group % 2 * 16;
      const std::uint8_t* const ql = block.ql + 64 * half + 32 * (part % 2) + first;
      const std::uint8_t* const qh = block.qh + 32 * half + first;
      for (int i = 0; i < 16; ++i) {
        const int q = (ql[i] >> (part / 2 * 4) & 15) | (qh[i] >> (part * 2) & 3) << 4;
        out[group * 16 + i] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace llmagentos
