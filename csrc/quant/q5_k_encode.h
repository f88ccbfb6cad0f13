// Encodes Q5_K.
#pragma once

#include <cstdint>

#include "quant/k_min_encode.h"
#include "quant/q5_k.h"

namespace llmagentos {

static inline void encode_q5_k_block(const float* in, const float* weights, BlockQ5K& block) {
  KMinBlock<32, 31, 63> found;
  found.encode(in, weights);
  block.d = found.d;
  block.dmin = found.dmin;
  pack_k_scales(found.scales, found.mins, block.scales);
  for (int i = 0; i < 128; ++i) {
    const int first = i / 32 * 64 + i % 32;
    block.qs[i] = static_cast<std::uint8_t>((found.quants[first] & 15) | (found.quants[first + 32] & 15) << 4);
  }
  for (int i = 0; i < 32; ++i) {
    int high = 0;
    for (int group = 0; group < 8; ++group) high |= found.quants[32 * group + i] >> 4 << group;
    block.qh[i] = static_cast<std::uint8_t>(high);
  }
}

}  // namespace llmagentos
