// Encodes Q3_K.
#pragma once

#include <cstdint>

#include "quant/k_signed_encode.h"
#include "quant/q3_k.h"

namespace llmagentos {

static inline void pack_q3_k_scales(const std::int8_t* scales, std::uint8_t* packed) {
  for (int i = 0; i < 12; ++i) packed[i] = 0;
  for (int group = 0; group < 16; ++group) {
    const int scale = scales[group] + 32;
    packed[group % 8] = static_cast<std::uint8_t>(packed[group % 8] | (scale & 15) << (group / 8 * 4));
    packed[8 + group % 4] = static_cast<std::uint8_t>(packed[8 + group % 4] | scale >> 4 << (group / 4 * 2));
  }
}

static inline void encode_q3_k_block(const float* in, const float* weights, BlockQ3K& block) {
  KSignedBlock<4, 32> found;
  found.encode(in, weights);
  block.d = found.d;
  pack_q3_k_scales(found.scales, block.scales);
  for (int i = 0; i < 32; ++i) block.hmask[i] = 0;
  for (int i = 0; i < 64; ++i) block.qs[i] = 0;
  for (int i = 0; i < 256; ++i) {
    const int q = found.quants[i] + 4;
    const int low = i / 128 * 32 + i % 32, shift = i % 128 / 32 * 2;
    block.qs[low] = static_cast<std::uint8_t>(block.qs[low] | (q & 3) << shift);
    block.hmask[i % 32] = static_cast<std::uint8_t>(block.hmask[i % 32] | q >> 2 << (i / 32));
  }
}

}  // namespace llmagentos
