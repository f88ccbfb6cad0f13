// Encodes blocks of 32 values (Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL) for the least weighted squared error. Without weights
// the formats' own headers have encoders that round as ggml's reference does, but for IQ4_NL.
#pragma once

#include <cstdint>

#include "base/half.h"
#include "quant/iq4_nl.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/scale_fit.h"
#include "quant/scale_min_fit.h"

namespace llmagentos {

// Quants from 0 on of x ~ d * (q - kLimit); returns d as f16.
template <int kLimit>
static inline std::uint16_t encode_scaled(const float* in, const float* weights, std::uint8_t* quants) {
  const std::uint16_t d = scale_to_half(search_scale<32, kLimit>(in, weights));
  std::int8_t found[32];
  quantize_signed<32, kLimit>(in, weights, half_to_float(d), found);
  for (int i = 0; i < 32; ++i) quants[i] = static_cast<std::uint8_t>(found[i] + kLimit);
  return d;
}

// Quants of x ~ d * q + m with q of 0 to kTop; d and m as f16.
template <int kTop>
static inline void encode_shifted(const float* in, const float* weights, std::uint16_t& d, std::uint16_t& m,
                                  std::uint8_t* quants) {
  const ScaleMin fit = search_group<32, kTop, true>(in, weights);
  d = scale_to_half(fit.scale);
  m = float_to_half(-fit.min);
  quantize_group<32, kTop>(in, weights, {half_to_float(d), -half_to_float(m)}, quants);
}

static inline void pack_nibbles(const std::uint8_t* quants, std::uint8_t* qs) {
  for (int i = 0; i < 16; ++i) qs[i] = static_cast<std::uint8_t>(quants[i] | quants[i + 16] << 4);
}

static inline void encode_q4_0_block(const float* in, const float* weights, BlockQ4_0& block) {
  std::uint8_t quants[32];
  block.d = encode_scaled<8>(in, weights, quants);
  pack_nibbles(quants, block.qs);
}

static inline void encode_q4_1_block(const float* in, const float* weights, BlockQ4_1& block) {
  std::uint8_t quants[32];
  encode_shifted<15>(in, weights, block.d, block.m, quants);
  pack_nibbles(quants, block.qs);
}

static inline void encode_q5_0_block(const float* in, const float* weights, BlockQ5_0& block) {
  std::uint8_t quants[32];
  block.d = encode_scaled<16>(in, weights, quants);
  pack_q5(quants, block.qh, block.qs);
}

static inline void encode_q5_1_block(const float* in, const float* weights, BlockQ5_1& block) {
  std::uint8_t quants[32];
  encode_shifted<31>(in, weights, block.d, block.m, quants);
  pack_q5(quants, block.qh, block.qs);
}

// The nearest levels at a given scale; returns the weighted sum of squared errors.
static inline float quantize_iq4(const float* in, const float* weights, float scale, std::uint8_t* quants) {
  const float inverse = inverse_of(scale);
  float error = 0.0f;
  for (int i = 0; i < 32; ++i) {
    const float scaled = in[i] * inverse;
    int q = 0;
    // The number of midpoints below.
    for (int level = 0; level < 15; ++level)
      q += scaled * 2.0f > static_cast<float>(kIQ4Levels[level] + kIQ4Levels[level + 1]);
    const float difference = in[i] - scale * static_cast<float>(kIQ4Levels[q]);
    error += weights[i] * (difference * difference);
    quants[i] = static_cast<std::uint8_t>(q);
  }
  return error;
}

static inline void encode_iq4_nl_block(const float* in, const float* weights, BlockIQ4NL& block) {
  float extreme = 0.0f;
  for (int i = 0; i < 32; ++i)
    if (magnitude_of(in[i]) > magnitude_of(extreme)) extreme = in[i];
  float best_scale = extreme / -127.0f, best_error = 3.402823466e38f;
  std::uint8_t quants[32];
  // The extreme value falls on either end of the levels, give or take a fifth; each scale is refitted.
  for (int step = -4; step <= 4 && extreme != 0.0f; ++step) {
    for (const float end : {-127.0f, 113.0f}) {
      float scale = extreme / (end * (1.0f + 0.045f * static_cast<float>(step)));
      quantize_iq4(in, weights, scale, quants);
      float sum_xl = 0.0f, sum_ll = 0.0f;
      for (int i = 0; i < 32; ++i) {
        const auto level = static_cast<float>(kIQ4Levels[quants[i]]);
        sum_xl += weights[i] * in[i] * level;
        sum_ll += weights[i] * level * level;
      }
      if (sum_ll > 0.0f) scale = sum_xl / sum_ll;
      const float error = quantize_iq4(in, weights, scale, quants);
      if (error >= best_error) continue;
      best_error = error;
      best_scale = scale;
    }
  }
  block.d = scale_to_half(best_scale);
  quantize_iq4(in, weights, half_to_float(block.d), quants);
  pack_nibbles(quants, block.qs);
}

}  // namespace llmagentos
