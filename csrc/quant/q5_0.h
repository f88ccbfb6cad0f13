// Q5_0: blocks of 32 values, x = d * (q - 16) with q of 5 bits: a nibble as in Q4_0, and bit i of qh for value i.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/rounding.h"

namespace llmagentos {

struct BlockQ5_0 {
  std::uint16_t d;  // f16
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

static inline int q5_high_bit(const std::uint8_t* qh, int i) { return (qh[i / 8] >> (i % 8) & 1) << 4; }

// qs and qh from 32 quants of 5 bits.
static inline void pack_q5(const std::uint8_t* quants, std::uint8_t* qh, std::uint8_t* qs) {
  for (int i = 0; i < 4; ++i) qh[i] = 0;
  for (int i = 0; i < 32; ++i) qh[i / 8] = static_cast<std::uint8_t>(qh[i / 8] | (quants[i] >> 4) << (i % 8));
  for (int i = 0; i < 16; ++i) qs[i] = static_cast<std::uint8_t>((quants[i] & 15) | (quants[i + 16] & 15) << 4);
}

static inline void decode_q5_0(const BlockQ5_0* blocks, float* out, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, out += 32) {
    const BlockQ5_0& block = blocks[b];
    const float d = half_to_float(block.d);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(((block.qs[i] & 15) | q5_high_bit(block.qh, i)) - 16);
      out[i + 16] = d * static_cast<float>(((block.qs[i] >> 4) | q5_high_bit(block.qh, i + 16)) - 16);
    }
  }
}

// The value of largest magnitude becomes q = 0, whatever its sign. As ggml's reference, bit for bit.
static inline void encode_q5_0(const float* in, BlockQ5_0* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 32; ++b, in += 32) {
    float extreme = in[0];
    for (int i = 1; i < 32; ++i)
      if (magnitude_of(in[i]) > magnitude_of(extreme)) extreme = in[i];
    const float d = extreme / -16.0f;
    const float inverse = inverse_of(d);
    blocks[b].d = float_to_half(d);
    std::uint8_t quants[32];
    for (int i = 0; i < 32; ++i) quants[i] = static_cast<std::uint8_t>(truncate_to(in[i] * inverse + 16.5f, 31));
    pack_q5(quants, blocks[b].qh, blocks[b].qs);
  }
}

}  // namespace llmagentos
