// Encodes Q6_K: per group the scale that minimises the squared error, found by trying scales around the largest value
// and refitting each by least squares; then the shared d and the 8-bit scales are refitted against one another.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/q6_k.h"
#include "quant/rounding.h"

namespace llmagentos {

// Quants (-32 to 31) of 16 values at a given scale; returns the sum of squared errors.
static inline float quantize_q6_group(const float* in, float scale, std::int8_t* quants) {
  const float inverse = inverse_of(scale);
  float error = 0.0f;
  for (int i = 0; i < 16; ++i) {
    const int q = clamp_int(round_to_int(in[i] * inverse), -32, 31);
    const float difference = in[i] - scale * static_cast<float>(q);
    error += difference * difference;
    quants[i] = static_cast<std::int8_t>(q);
  }
  return error;
}

// The scale of 16 values with quants of -32 to 31, sign included; 0 where all are 0.
static inline float search_q6_scale(const float* in) {
  float extreme = 0.0f;
  for (int i = 0; i < 16; ++i)
    if (magnitude_of(in[i]) > magnitude_of(extreme)) extreme = in[i];
  if (extreme == 0.0f) return 0.0f;
  float best_scale = 0.0f, best_error = 3.402823466e38f;
  for (int step = -9; step <= 9; ++step) {
    // The extreme value falls on -32 (which has no positive twin) give or take 0.9.
    float scale = extreme / -(32.0f + 0.1f * static_cast<float>(step));
    std::int8_t quants[16];
    quantize_q6_group(in, scale, quants);
    float sum_xq = 0.0f, sum_qq = 0.0f;
    for (int i = 0; i < 16; ++i) {
      sum_xq += in[i] * static_cast<float>(quants[i]);
      sum_qq += static_cast<float>(quants[i] * quants[i]);
    }
    if (sum_qq > 0.0f) scale = sum_xq / sum_qq;
    const float error = quantize_q6_group(in, scale, quants);
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  return best_scale;
}

// For a given d: the best 8-bit scale of each group near its ideal one, and the quants that go with it.
static inline float choose_q6_scales(const float* in, const float* ideal, float d, std::int8_t* scales,
                                     std::int8_t* quants) {
  const float inverse = inverse_of(d);
  float total = 0.0f;
  for (int group = 0; group < 16; ++group) {
    const int nearest = round_to_int(ideal[group] * inverse);
    float best = 3.402823466e38f;
    for (int candidate = nearest - 1; candidate <= nearest + 1; ++candidate) {
      const int scale = clamp_int(candidate, -128, 127);
      std::int8_t trial[16];
      const float error = quantize_q6_group(in + group * 16, d * static_cast<float>(scale), trial);
      if (error >= best) continue;
      best = error;
      scales[group] = static_cast<std::int8_t>(scale);
      for (int i = 0; i < 16; ++i) quants[group * 16 + i] = trial[i];
    }
    total += best;
  }
  return total;
}

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

static inline void encode_q6_k_block(const float* in, BlockQ6K& block) {
  float ideal[16], extreme = 0.0f;
  for (int group = 0; group < 16; ++group) {
    ideal[group] = search_q6_scale(in + group * 16);
    if (magnitude_of(ideal[group]) > magnitude_of(extreme)) extreme = ideal[group];
  }
  std::int8_t scales[16] = {}, quants[256] = {};
  float best_error = 3.402823466e38f;
  block.d = 0;
  float d = extreme / -128.0f;
  for (int round = 0; round < 3; ++round) {
    const std::uint16_t half = scale_to_half(d);
    d = half_to_float(half);
    std::int8_t trial_scales[16], trial_quants[256];
    const float error = choose_q6_scales(in, ideal, d, trial_scales, trial_quants);
    if (error >= best_error) break;
    best_error = error;
    block.d = half;
    float sum_xq = 0.0f, sum_qq = 0.0f;
    for (int i = 0; i < 256; ++i) {
      scales[i / 16] = trial_scales[i / 16];
      quants[i] = trial_quants[i];
      const float step = static_cast<float>(scales[i / 16] * quants[i]);
      sum_xq += in[i] * step;
      sum_qq += step * step;
    }
    if (sum_qq == 0.0f) break;
    d = sum_xq / sum_qq;
  }
  for (int group = 0; group < 16; ++group) block.scales[group] = scales[group];
  pack_q6_k(quants, block);
}

static inline void encode_q6_k(const float* in, BlockQ6K* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b) encode_q6_k_block(in + b * 256, blocks[b]);
}

}  // namespace llmagentos
