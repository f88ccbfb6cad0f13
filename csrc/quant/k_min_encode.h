// Encodes super-blocks of 256 values, x ~ d * scale * q - dmin * min (Q2_K, Q4_K, Q5_K): the best scale and min of each
// group, then d and dmin, and the integer scales and mins, refitted against one another.
#pragma once

#include <cstdint>

#include "base/half.h"
#include "quant/scale_min_fit.h"

namespace llmagentos {

// kValues to a group, quants of 0 to kTop, scales and mins of 0 to kScaleTop.
template <int kValues, int kTop, int kScaleTop>
struct KMinBlock {
  static constexpr int kGroups = 256 / kValues;

  std::uint16_t d = 0, dmin = 0;  // f16
  std::uint8_t scales[kGroups] = {}, mins[kGroups] = {};
  std::uint8_t quants[256] = {};

  // Values and their weights, 256 each.
  void encode(const float* in, const float* weights) {
    ScaleMin ideal[kGroups];
    ScaleMin shared = {0.0f, 0.0f};  // d and dmin
    for (int group = 0; group < kGroups; ++group) {
      ideal[group] = search_group<kValues, kTop>(in + group * kValues, weights + group * kValues);
      if (ideal[group].scale > shared.scale * kScaleTop) shared.scale = ideal[group].scale / kScaleTop;
      if (ideal[group].min > shared.min * kScaleTop) shared.min = ideal[group].min / kScaleTop;
    }
    float best_error = 3.402823466e38f;
    for (int round = 0; round < 3; ++round) {
      KMinBlock trial;
      trial.d = scale_to_half(shared.scale);
      trial.dmin = scale_to_half(shared.min);
      const float error = trial.choose_scales(in, weights, ideal);
      if (error >= best_error) break;
      best_error = error;
      *this = trial;
      shared = refit(in, weights);
      if (!(shared.scale >= 0.0f) || !(shared.min >= 0.0f)) break;
    }
  }

 private:
  // For the d and dmin as they are: the best scale and min of each group near its ideal ones, and the quants.
  float choose_scales(const float* in, const float* weights, const ScaleMin* ideal) {
    const ScaleMin shared = {half_to_float(d), half_to_float(dmin)};
    const float inverse = inverse_of(shared.scale), inverse_min = inverse_of(shared.min);
    float total = 0.0f;
    for (int group = 0; group < kGroups; ++group) {
      const int scale = round_to_int(ideal[group].scale * inverse);
      const int min = round_to_int(ideal[group].min * inverse_min);
      float best = 3.402823466e38f;
      for (int k = 0; k < 9; ++k) {
        const int s = clamp_int(scale + k % 3 - 1, 0, kScaleTop), m = clamp_int(min + k / 3 - 1, 0, kScaleTop);
        std::uint8_t trial[kValues];
        const ScaleMin fit = {shared.scale * static_cast<float>(s), shared.min * static_cast<float>(m)};
        const int at = group * kValues;
        const float error = quantize_group<kValues, kTop>(in + at, weights + at, fit, trial);
        if (error >= best) continue;
        best = error;
        scales[group] = static_cast<std::uint8_t>(s);
        mins[group] = static_cast<std::uint8_t>(m);
        for (int i = 0; i < kValues; ++i) quants[at + i] = trial[i];
      }
      total += best;
    }
    return total;
  }

  // Least squares for d and dmin with everything else as it is.
  ScaleMin refit(const float* in, const float* weights) const {
    float sum_aa = 0.0f, sum_bb = 0.0f, sum_ab = 0.0f, sum_xa = 0.0f, sum_xb = 0.0f;
    for (int i = 0; i < 256; ++i) {
      const float a = static_cast<float>(scales[i / kValues] * quants[i]), b = static_cast<float>(mins[i / kValues]);
      const float weighted_a = weights[i] * a, weighted_b = weights[i] * b;
      sum_aa += weighted_a * a;
      sum_bb += weighted_b * b;
      sum_ab += weighted_a * b;
      sum_xa += in[i] * weighted_a;
      sum_xb += in[i] * weighted_b;
    }
    const float determinant = sum_aa * sum_bb - sum_ab * sum_ab;
    if (determinant <= 0.0f)
      return {sum_aa > 0.0f && sum_bb == 0.0f ? sum_xa / sum_aa : half_to_float(d), half_to_float(dmin)};
    return {(sum_xa * sum_bb - sum_xb * sum_ab) / determinant, (sum_xa * sum_ab - sum_xb * sum_aa) / determinant};
  }
};

}  // namespace llmagentos
