// Encodes Q6_K.
#pragma once

#include <cstdint>

#include "quant/k_signed_encode.h"
#include "quant/q6_k.h"

namespace llmagentos {

static inline void pack_q6_k(const std::int8_t* quants, BlockQ6K& block) {
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 32; ++i) {
      int q[4];
      for (int part = 0; part < 4; ++part) q[part] = quants[128 * half + 32 * part + i] + 32;
      block.ql[64 * half + i] = static_cast<std::uint8_t>((q[0] & 15) | (q[2] & 15) << 4);
      block.ql[64 * half + 32 + i] = static_cast<std::uint8_t>((q[1] & 15) | (q[3] & 15) << 4);
      block.qh[32 * half + i] = static_cast<std::uint8_t>(q[0] >> 4 | q[1] >> 4 << 2 | q[2] >> 4 << 4 | q[3] >> 4 << 6);
    }
  }
}

static inline void encode_q6_k_block(const float* in, const float* weights, BlockQ6K& block) {
  KSignedBlock<32, 128> found;
  found.encode(in, weights);
  block.d = found.d;
  for (int group = 0; group < 16; ++group) block.scales[group] = found.scales[group];
  pack_q6_k(found.quants, block);
}

}  // namespace llmagentos
