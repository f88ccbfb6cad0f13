// Finds the scale and min of a group of values, x ~ scale * q - min with q of 0 to kTop, that minimise the weighted
// squared error: ranges a little wider and narrower than the values' are tried, and each is refitted by least squares.
#pragma once

#include <cstdint>

#include "quant/rounding.h"

namespace llmagentos {

struct ScaleMin {
  float scale;
  float min;
};

// Quants of the values; returns the weighted sum of squared errors.
template <int kValues, int kTop>
static inline float quantize_group(const float* in, const float* weights, ScaleMin fit, std::uint8_t* quants) {
  const float inverse = inverse_of(fit.scale);
  LaneSum error;
  for (int first = 0; first < kValues; first += LaneSum::kLanes) {
    for (int lane = 0; lane < LaneSum::kLanes; ++lane) {
      const int i = first + lane;
      const int q = clamp_int(round_to_int((in[i] + fit.min) * inverse), 0, kTop);
      const float difference = in[i] - (fit.scale * static_cast<float>(q) - fit.min);
      error.lanes[lane] += weights[i] * (difference * difference);
      quants[i] = static_cast<std::uint8_t>(q);
    }
  }
  return error.total();
}

// Least squares for given quants. The scale is positive, and the min at least 0 unless kAnyMin.
template <int kValues, bool kAnyMin>
static inline ScaleMin refit_group(const float* in, const float* weights, const std::uint8_t* quants, ScaleMin before) {
  LaneSum w, x, q, xq, qq;
  for (int first = 0; first < kValues; first += LaneSum::kLanes) {
    for (int lane = 0; lane < LaneSum::kLanes; ++lane) {
      const int i = first + lane;
      const float quant = static_cast<float>(quants[i]), weighted = weights[i] * quant;
      w.lanes[lane] += weights[i];
      x.lanes[lane] += weights[i] * in[i];
      q.lanes[lane] += weighted;
      xq.lanes[lane] += in[i] * weighted;
      qq.lanes[lane] += quant * weighted;
    }
  }
  const float sum_w = w.total(), sum_x = x.total(), sum_q = q.total(), sum_xq = xq.total(), sum_qq = qq.total();
  const float determinant = sum_w * sum_qq - sum_q * sum_q;
  if (determinant <= 0.0f) return before;
  ScaleMin fit = {(sum_w * sum_xq - sum_x * sum_q) / determinant, (sum_q * sum_xq - sum_qq * sum_x) / determinant};
  if (!kAnyMin && fit.min < 0.0f) fit = {sum_xq / sum_qq, 0.0f};
  return fit.scale > 0.0f ? fit : before;
}

template <int kValues, int kTop, bool kAnyMin = false>
static inline ScaleMin search_group(const float* in, const float* weights) {
  float low = kAnyMin ? in[0] : 0.0f, high = in[0];
  for (int i = 0; i < kValues; ++i) {
    if (in[i] < low) low = in[i];
    if (in[i] > high) high = in[i];
  }
  // All values equal (and not above 0): the min alone holds them.
  if (high <= low) return {0.0f, -low};
  ScaleMin best = {(high - low) / static_cast<float>(kTop), -low};
  std::uint8_t quants[kValues];
  float best_error = quantize_group<kValues, kTop>(in, weights, best, quants);
  for (int step = 0; step <= 10; ++step) {
    // From ranges a little wider than the values' to ranges that cut off their ends.
    ScaleMin fit = {(high - low) / (static_cast<float>(kTop - 1) + 0.4f * static_cast<float>(step)), -low};
    quantize_group<kValues, kTop>(in, weights, fit, quants);
    for (int round = 0; round < 2; ++round) {
      fit = refit_group<kValues, kAnyMin>(in, weights, quants, fit);
      const float error = quantize_group<kValues, kTop>(in, weights, fit, quants);
      if (error >= best_error) break;
      best_error = error;
      best = fit;
    }
  }
  return best;
}

}  // namespace llmagentos
