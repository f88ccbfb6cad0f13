// Q4_1: blocks of 32 values, x = d * q + m with q of 4 bits. Low nibbles hold values 0-15, high nibbles 16-31.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/rounding.h"

namespace llmagentos {

struct BlockQ4_1 {
  std::uint16_t d;  // f16
  std::uint16_t m;  // f16
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

static inline void decode_q4_1(const BlockQ4_1* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const float d = half_to_float(blocks[b].d);
    const float m = half_to_float(blocks[b].m);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(blocks[b].qs[i] & 15) + m;
      out[i + 16] = d * static_cast<float>(blocks[b].qs[i] >> 4) + m;
    }
  }
}

// As ggml's reference, bit for bit.
static inline void encode_q4_1(const float* in, BlockQ4_1* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, in += 32) {
    float low = in[0], high = in[0];
    for (int i = 1; i < 32; ++i) {
      if (in[i] < low) low = in[i];
      if (in[i] > high) high = in[i];
    }
    const float d = (high - low) / 15.0f;
    const float inverse = inverse_of(d);
    blocks[b].d = float_to_half(d);
    blocks[b].m = float_to_half(low);
    for (int i = 0; i < 16; ++i) {
      const int first = truncate_to((in[i] - low) * inverse + 0.5f, 15);
      const int second = truncate_to((in[i + 16] - low) * inverse + 0.5f, 15);
      blocks[b].qs[i] = static_cast<std::uint8_t>(first | second << 4);
    }
  }
}

}  // namespace llmagentos
