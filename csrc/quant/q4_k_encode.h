// Encodes Q4_K.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/k_min_encode.h"
#include "quant/q4_k.h"

namespace llmagentos {

static inline void encode_q4_k_block(const float* in, const float* weights, BlockQ4K& block) {
  KMinBlock<32, 15, 63> found;
  found.encode(in, weights);
  block.d = found.d;
  block.dmin = found.dmin;
  pack_k_scales(found.scales, found.mins, block.scales);
  for (int i = 0; i < 128; ++i) {
    const int first = i / 32 * 64 + i % 32;
    block.qs[i] = static_cast<std::uint8_t>(found.quants[first] | found.quants[first + 32] << 4);
  }
}

}  // namespace llmagentos
