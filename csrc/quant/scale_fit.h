// Finds the scale of a group of values, x ~ scale * q with q of -kLimit to kLimit - 1, that minimises the weighted
// squared error: scales around the largest value are tried, and each is refitted by least squares.
#pragma once

#include <cstdint>

#include "quant/rounding.h"

namespace llmagentos {

// Quants of the values; returns the weighted sum of squared errors.
template <int kValues, int kLimit>
static inline float quantize_signed(const float* in, const float* weights, float scale, std::int8_t* quants) {
  const float inverse = inverse_of(scale);
  LaneSum error;
  for (int first = 0; first < kValues; first += LaneSum::kLanes) {
    for (int lane = 0; lane < LaneSum::kLanes; ++lane) {
      const int i = first + lane;
      const int q = clamp_int(round_to_int(in[i] * inverse), -kLimit, kLimit - 1);
      const float difference = in[i] - scale * static_cast<float>(q);
      error.lanes[lane] += weights[i] * (difference * difference);
      quants[i] = static_cast<std::int8_t>(q);
    }
  }
  return error.total();
}

// Least squares for given quants.
template <int kValues>
static inline float refit_scale(const float* in, const float* weights, const std::int8_t* quants, float before) {
  LaneSum xq, qq;
  for (int first = 0; first < kValues; first += LaneSum::kLanes) {
    for (int lane = 0; lane < LaneSum::kLanes; ++lane) {
      const int i = first + lane;
      const float quant = static_cast<float>(quants[i]), weighted = weights[i] * quant;
      xq.lanes[lane] += in[i] * weighted;
      qq.lanes[lane] += quant * weighted;
    }
  }
  const float sum_qq = qq.total();
  return sum_qq > 0.0f ? xq.total() / sum_qq : before;
}

// Sign included; 0 where all values are 0.
template <int kValues, int kLimit>
static inline float search_scale(const float* in, const float* weights) {
  float extreme = 0.0f;
  for (int i = 0; i < kValues; ++i)
    if (magnitude_of(in[i]) > magnitude_of(extreme)) extreme = in[i];
  if (extreme == 0.0f) return 0.0f;
  float best_scale = extreme / static_cast<float>(-kLimit), best_error = 3.402823466e38f;
  for (int step = -9; step <= 9; step += 2) {
    // The extreme value falls on -kLimit (which has no positive twin) give or take 0.9.
    float scale = extreme / -(static_cast<float>(kLimit) + 0.1f * static_cast<float>(step));
    std::int8_t quants[kValues];
    quantize_signed<kValues, kLimit>(in, weights, scale, quants);
    scale = refit_scale<kValues>(in, weights, quants, scale);
    const float error = quantize_signed<kValues, kLimit>(in, weights, scale, quants);
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  return best_scale;
}

}  // namespace llmagentos
