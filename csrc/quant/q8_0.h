// Q8_0: blocks of 32 values, x = d * q with q of 8 bits, signed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/rounding.h"

namespace llmagentos {

struct BlockQ8_0 {
  std::uint16_t d;  // f16
  std::int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

static inline void decode_q8_0(const BlockQ8_0* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const float d = half_to_float(blocks[b].d);
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(blocks[b].qs[i]);
  }
}

// Quants come from the float32 scale and are rounded half away from zero. As ggml's reference, bit for bit.
static inline void encode_q8_0(const float* in, BlockQ8_0* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, in += 32) {
    float largest = 0.0f;
    for (int i = 0; i < 32; ++i)
      if (magnitude_of(in[i]) > largest) largest = magnitude_of(in[i]);
    const float d = largest / 127.0f;
    const float inverse = inverse_of(d);
    blocks[b].d = float_to_half(d);
    for (int i = 0; i < 32; ++i) {
      const float scaled = magnitude_of(in[i] * inverse);
      int q = truncate_to(scaled, 127);
      if (q < 127 && scaled - static_cast<float>(q) >= 0.5f) ++q;
      blocks[b].qs[i] = static_cast<std::int8_t>(in[i] < 0.0f ? -q : q);
    }
  }
}

}  // namespace llmagentos
