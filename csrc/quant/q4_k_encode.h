// Encodes Q4_K: per group of 32 the scale and min that minimise the squared error, found by trying scales and refitting
// scale and min by least squares; then d and dmin, and the 6-bit scales and mins, are refitted against one another.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/q4_k.h"
#include "quant/rounding.h"

namespace llmagentos {

// x is approximated by scale * q - min.
struct ScaleMin {
  float scale;
  float min;
};

// Quants (0 to 15) of 32 values; returns the sum of squared errors.
static inline float quantize_q4_group(const float* in, ScaleMin fit, std::uint8_t* quants) {
  const float inverse = inverse_of(fit.scale);
  float error = 0.0f;
  for (int i = 0; i < 32; ++i) {
    const int q = clamp_int(round_to_int((in[i] + fit.min) * inverse), 0, 15);
    const float difference = in[i] - (fit.scale * static_cast<float>(q) - fit.min);
    error += difference * difference;
    quants[i] = static_cast<std::uint8_t>(q);
  }
  return error;
}

// Least squares for given quants, with scale and min at least 0 as the format has them.
static inline ScaleMin refit_q4_group(const float* in, const std::uint8_t* quants, ScaleMin before) {
  float sum_x = 0.0f, sum_q = 0.0f, sum_xq = 0.0f, sum_qq = 0.0f;
  for (int i = 0; i < 32; ++i) {
    const float q = static_cast<float>(quants[i]);
    sum_x += in[i];
    sum_q += q;
    sum_xq += in[i] * q;
    sum_qq += q * q;
  }
  const float determinant = 32.0f * sum_qq - sum_q * sum_q;
  if (determinant <= 0.0f) return before;
  ScaleMin fit = {(32.0f * sum_xq - sum_x * sum_q) / determinant, (sum_q * sum_xq - sum_qq * sum_x) / determinant};
  if (fit.min < 0.0f) fit = {sum_xq / sum_qq, 0.0f};
  return fit.scale > 0.0f ? fit : before;
}

static inline ScaleMin search_q4_group(const float* in) {
  float low = 0.0f, high = in[0];
  for (int i = 0; i < 32; ++i) {
    if (in[i] < low) low = in[i];
    if (in[i] > high) high = in[i];
  }
  // All values equal and not above 0: the min alone holds them.
  if (high <= low) return {0.0f, -low};
  ScaleMin best = {(high - low) / 15.0f, -low};
  std::uint8_t quants[32];
  float best_error = quantize_q4_group(in, best, quants);
  for (int step = 0; step <= 20; ++step) {
    // From ranges a little wider than the values' to ranges that cut off their ends.
    ScaleMin fit = {(high - low) / (14.0f + 0.2f * static_cast<float>(step)), -low};
    quantize_q4_group(in, fit, quants);
    for (int round = 0; round < 2; ++round) {
      fit = refit_q4_group(in, quants, fit);
      const float error = quantize_q4_group(in, fit, quants);
      if (error >= best_error) break;
      best_error = error;
      best = fit;
    }
  }
  return best;
}

// For given d and dmin: the best 6-bit scale and min of each group near its ideal ones, and the quants.
static inline float choose_q4_scales(const float* in, const ScaleMin* ideal, float d, float dmin, std::uint8_t* scales,
                                     std::uint8_t* mins, std::uint8_t* quants) {
  const float inverse = inverse_of(d), inverse_min = inverse_of(dmin);
  float total = 0.0f;
  for (int group = 0; group < 8; ++group) {
    const int scale = round_to_int(ideal[group].scale * inverse);
    const int min = round_to_int(ideal[group].min * inverse_min);
    float best = 3.402823466e38f;
    for (int k = 0; k < 9; ++k) {
      const int s = clamp_int(scale + k % 3 - 1, 0, 63), m = clamp_int(min + k / 3 - 1, 0, 63);
      std::uint8_t trial[32];
      const ScaleMin fit = {d * static_cast<float>(s), dmin * static_cast<float>(m)};
      const float error = quantize_q4_group(in + group * 32, fit, trial);
      if (error >= best) continue;
      best = error;
      scales[group] = static_cast<std::uint8_t>(s);
      mins[group] = static_cast<std::uint8_t>(m);
      for (int i = 0; i < 32; ++i) quants[group * 32 + i] = trial[i];
    }
    total += best;
  }
  return total;
}

// Least squares for d and dmin with everything else given.
static inline ScaleMin refit_q4_k(const float* in, const std::uint8_t* scales, const std::uint8_t* mins,
                                  const std::uint8_t* quants, ScaleMin before) {
  float sum_aa = 0.0f, sum_bb = 0.0f, sum_ab = 0.0f, sum_xa = 0.0f, sum_xb = 0.0f;
  for (int i = 0; i < 256; ++i) {
    const float a = static_cast<float>(scales[i / 32] * quants[i]), b = static_cast<float>(mins[i / 32]);
    sum_aa += a * a;
    sum_bb += b * b;
    sum_ab += a * b;
    sum_xa += in[i] * a;
    sum_xb += in[i] * b;
  }
  const float determinant = sum_aa * sum_bb - sum_ab * sum_ab;
  if (determinant <= 0.0f) return {sum_aa > 0.0f && sum_bb == 0.0f ? sum_xa / sum_aa : before.scale, before.min};
  return {(sum_xa * sum_bb - sum_xb * sum_ab) / determinant, (sum_xa * sum_ab - sum_xb * sum_aa) / determinant};
}

static inline void encode_q4_k_block(const float* in, BlockQ4K& block) {
  ScaleMin ideal[8];
  ScaleMin shared = {0.0f, 0.0f};  // d and dmin
  for (int group = 0; group < 8; ++group) {
    ideal[group] = search_q4_group(in + group * 32);
    if (ideal[group].scale > shared.scale * 63.0f) shared.scale = ideal[group].scale / 63.0f;
    if (ideal[group].min > shared.min * 63.0f) shared.min = ideal[group].min / 63.0f;
  }
  std::uint8_t scales[8] = {}, mins[8] = {}, quants[256] = {};
  float best_error = 3.402823466e38f;
  block.d = block.dmin = 0;
  for (int round = 0; round < 3; ++round) {
    const std::uint16_t d = scale_to_half(shared.scale), dmin = scale_to_half(shared.min);
    shared = {half_to_float(d), half_to_float(dmin)};
    std::uint8_t trial_scales[8] = {}, trial_mins[8] = {}, trial_quants[256] = {};
    const float error = choose_q4_scales(in, ideal, shared.scale, shared.min, trial_scales, trial_mins, trial_quants);
    if (error >= best_error) break;
    best_error = error;
    block.d = d;
    block.dmin = dmin;
    for (int i = 0; i < 256; ++i) {
      scales[i / 32] = trial_scales[i / 32];
      mins[i / 32] = trial_mins[i / 32];
      quants[i] = trial_quants[i];
    }
    shared = refit_q4_k(in, scales, mins, quants, shared);
    if (!(shared.scale >= 0.0f) || !(shared.min >= 0.0f)) break;
  }
  pack_k_scales(scales, mins, block.scales);
  for (int i = 0; i < 128; ++i) {
    const int first = i / 32 * 64 + i % 32;
    block.qs[i] = static_cast<std::uint8_t>(quants[first] | quants[first + 32] << 4);
  }
}

static inline void encode_q4_k(const float* in, BlockQ4K* blocks, std::size_t n) {
  for (std::size_t b = 0; b < n / 256; ++b) encode_q4_k_block(in + b * 256, blocks[b]);
}

}  // namespace llmagentos
