// Q5_K: Q4_K with a fifth bit: super-blocks of 256 values in 8 groups of 32, x = d * scale * q - dmin * min.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/k_scales.h"

namespace llmagentos {

struct BlockQ5K {
  std::uint16_t d;          // f16
  std::uint16_t dmin;       // f16
  std::uint8_t scales[12];  // k_scales.h
  std::uint8_t qh[32];      // high bit of value i of group g: bit g of byte i
  std::uint8_t qs[128];     // low four bits, as in Q4_K
};
static_assert(sizeof(BlockQ5K) == 176);

static inline void decode_q5_k(const BlockQ5K* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b, out += 256) {
    const BlockQ5K& block = blocks[b];
    const float d = half_to_float(block.d);
    const float dmin = half_to_float(block.dmin);
    std::uint8_t scales[8], mins[8];
    unpack_k_scales(block.scales, scales, mins);
    for (int group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(scales[group]);
      const float min = dmin * static_cast<float>(mins[group]);
      const std::uint8_t* const qs = block.qs + group / 2 * 32;
      const int shift = group % 2 * 4;
      for (int i = 0; i < 32; ++i) {
        const int q = (qs[i] >> shift & 15) | (block.qh[i] >> group & 1) << 4;
        out[group * 32 + i] = scale * static_cast<float>(q) - min;
      }
    }
  }
}

}  // namespace llmagentos
