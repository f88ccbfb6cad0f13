// Encodes Q2_K.
#pragma once

#include <cstdint>

#include "quant/k_min_encode.h"
#include "quant/q2_k.h"

namespace llmagentos {

static inline void encode_q2_k_block(const float* in, const float* weights, BlockQ2K& block) {
  KMinBlock<16, 3, 15> found;
  found.encode(in, weights);
  block.d = found.d;
  block.dmin = found.dmin;
  for (int group = 0; group < 16; ++group)
    block.scales[group] = static_cast<std::uint8_t>(found.scales[group] | found.mins[group] << 4);
  for (int i = 0; i < 64; ++i) {
    const std::uint8_t* const q = found.quants + i / 32 * 128 + i % 32;
    block.qs[i] = static_cast<std::uint8_t>(q[0] | q[32] << 2 | q[64] << 4 | q[96] << 6);
  }
}

}  // namespace llmagentos
