// Q4_K: super-blocks of 256 values in 8 groups of 32, x = d * scale * q - dmin * min with q of 4 bits, scale and min of
// 6 bits each. q4_k_encode.h encodes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/k_scales.h"

namespace llmagentos {

struct BlockQ4K {
  std::uint16_t d;          // f16
  std::uint16_t dmin;       // f16
  std::uint8_t scales[12];  // k_scales.h
  std::uint8_t qs[128];     // bytes 32k to 32k+31: group 2k in the low nibbles, group 2k+1 in the high ones
};
static_assert(sizeof(BlockQ4K) == 144);

static inline void decode_q4_k(const BlockQ4K* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b, out += 256) {
    const BlockQ4K& block = blocks[b];
    const float d = half_to_float(block.d);
    const float dmin = half_to_float(block.dmin);
    std::uint8_t scales[8], mins[8];
    unpack_k_scales(block.scales, scales, mins);
    for (int group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(scales[group]);
      const float min = dmin * static_cast<float>(mins[group]);
      const std::uint8_t* const qs = block.qs + group / 2 * 32;
      const int shift = group % 2 * 4;
      for (int i = 0; i < 32; ++i) out[group * 32 + i] = scale * static_cast<float>(qs[i] >> shift & 15) - min;
    }
  }
}

}  // namespace llmagentos
