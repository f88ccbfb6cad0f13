// Q4_0: blocks of 32 values, x = d * (q - 8) with q of 4 bits. Low nibbles hold values 0-15, high nibbles 16-31.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/rounding.h"

namespace llmagentos {

struct BlockQ4_0 {
  std::uint16_t d;  // f16
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

static inline void decode_q4_0(const BlockQ4_0* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const float d = half_to_float(blocks[b].d);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((blocks[b].qs[i] & 15) - 8);
      out[i + 16] = d * static_cast<float>((blocks[b].qs[i] >> 4) - 8);
    }
  }
}

// The value of largest magnitude becomes q = 0, whatever its sign. As ggml's reference, bit for bit.
static inline void encode_q4_0(const float* in, BlockQ4_0* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, in += 32) {
    float extreme = in[0];
    for (int i = 1; i < 32; ++i)
      if (magnitude_of(in[i]) > magnitude_of(extreme)) extreme = in[i];
    const float d = extreme / -8.0f;
    const float inverse = inverse_of(d);
    blocks[b].d = float_to_half(d);
    for (int i = 0; i < 16; ++i) {
      const int low = truncate_to(in[i] * inverse + 8.5f, 15);
      const int high = truncate_to(in[i + 16] * inverse + 8.5f, 15);
      blocks[b].qs[i] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

}  // namespace llmagentos
