// Encodes super-blocks of 256 values in 16 groups of 16, x ~ d * scale * q with q and scale signed (Q3_K, Q6_K): the
// best scale of each group, then d and the integer scales refitted against one another.
#pragma once

#include <cstdint>

#include "base/half.h"
#include "quant/scale_fit.h"

namespace llmagentos {

// Quants of -kLimit to kLimit - 1, scales of -kScaleLimit to kScaleLimit - 1.
template <int kLimit, int kScaleLimit>
struct KSignedBlock {
  std::uint16_t d = 0;  // f16
  std::int8_t scales[16] = {};
  std::int8_t quants[256] = {};

  // Values and their weights, 256 each.
  void encode(const float* in, const float* weights) {
    float ideal[16], extreme = 0.0f;
    for (int group = 0; group < 16; ++group) {
      ideal[group] = search_scale<16, kLimit>(in + group * 16, weights + group * 16);
      if (magnitude_of(ideal[group]) > magnitude_of(extreme)) extreme = ideal[group];
    }
    float best_error = 3.402823466e38f;
    float shared = extreme / static_cast<float>(-kScaleLimit);
    for (int round = 0; round < 3; ++round) {
      KSignedBlock trial;
      trial.d = scale_to_half(shared);
      const float error = trial.choose_scales(in, weights, ideal);
      if (error >= best_error) break;
      best_error = error;
      *this = trial;
      float sum_xq = 0.0f, sum_qq = 0.0f;
      for (int i = 0; i < 256; ++i) {
        const float step = static_cast<float>(scales[i / 16] * quants[i]);
        sum_xq += weights[i] * in[i] * step;
        sum_qq += weights[i] * step * step;
      }
      if (!(sum_qq > 0.0f)) break;
      shared = sum_xq / sum_qq;
    }
  }

 private:
  // For the d as it is: the best scale of each group near its ideal one, and the quants that go with it.
  float choose_scales(const float* in, const float* weights, const float* ideal) {
    const float shared = half_to_float(d), inverse = inverse_of(shared);
    float total = 0.0f;
    for (int group = 0; group < 16; ++group) {
      const int nearest = round_to_int(ideal[group] * inverse);
      float best = 3.402823466e38f;
      for (int candidate = nearest - 1; candidate <= nearest + 1; ++candidate) {
        const int scale = clamp_int(candidate, -kScaleLimit, kScaleLimit - 1);
        std::int8_t trial[16];
        const float error = quantize_signed<16, kLimit>(in + group * 16, weights + group * 16,
                                                        shared * static_cast<float>(scale), trial);
        if (error >= best) continue;
        best = error;
        scales[group] = static_cast<std::int8_t>(scale);
        for (int i = 0; i < 16; ++i) quants[group * 16 + i] = trial[i];
      }
      total += best;
    }
    return total;
  }
};

}  // namespace llmagentos
