// Q5_1: blocks of 32 values, x = d * q + m with q of 5 bits, packed as in Q5_0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/q5_0.h"
#include "quant/rounding.h"

namespace llmagentos {

struct BlockQ5_1 {
  std::uint16_t d;  // f16
  std::uint16_t m;  // f16
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

static inline void decode_q5_1(const BlockQ5_1* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const BlockQ5_1& block = blocks[b];
    const float d = half_to_float(block.d);
    const float m = half_to_float(block.m);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((block.qs[i] & 15) | q5_high_bit(block.qh, i)) + m;
      out[i + 16] = d * static_cast<float>((block.qs[i] >> 4) | q5_high_bit(block.qh, i + 16)) + m;
    }
  }
}

// As ggml's reference, bit for bit.
static inline void encode_q5_1(const float* in, BlockQ5_1* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, in += 32) {
    float low = in[0], high = in[0];
    for (int i = 1; i < 32; ++i) {
      if (in[i] < low) low = in[i];
      if (in[i] > high) high = in[i];
    }
    const float d = (high - low) / 31.0f;
    const float inverse = inverse_of(d);
    blocks[b].d = float_to_half(d);
    blocks[b].m = float_to_half(low);
    std::uint8_t quants[32];
    for (int i = 0; i < 32; ++i) quants[i] = static_cast<std::uint8_t>(truncate_to((in[i] - low) * inverse + 0.5f, 31));
    pack_q5(quants, blocks[b].qh, blocks[b].qs);
  }
}

}  // namespace llmagentos
