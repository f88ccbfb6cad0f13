// MXFP4: blocks of 32 values of 4 bits (E2M1) with a power of two as their scale (E8M0). OCP Microscaling Formats 1.0.
// The levels are stored doubled, and the scale halved, so that they are integers. Nibbles as in Q4_0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace llmagentos {

struct BlockMXFP4 {
  std::uint8_t e;  // the scale is 2^(e - 127)
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockMXFP4) == 17);

static constexpr std::int8_t kMXFP4Levels[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// 2^(e - 128), half the scale; subnormal for e < 2. e = 255, NaN in the standard, counts as 2^127 here as in ggml.
static inline float mxfp4_half_scale(std::uint8_t e) {
  return bits_to_float(e < 2 ? 0x00200000u << e : static_cast<std::uint32_t>(e - 1) << 23);
}

static inline void decode_mxfp4(const BlockMXFP4* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const float d = mxfp4_half_scale(blocks[b].e);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(kMXFP4Levels[blocks[b].qs[i] & 15]);
      out[i + 16] = d * static_cast<float>(kMXFP4Levels[blocks[b].qs[i] >> 4]);
    }
  }
}

}  // namespace llmagentos
