// One query row at a time, in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "kernels/attention/attention.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

using namespace kernels;

namespace {

float element(const std::byte* base, std::size_t index, KvType type) {
  if (type == KvType::f32) return reinterpret_cast<const float*>(base)[index];
  return half_to_float(reinterpret_cast<const std::uint16_t*>(base)[index]);
}

// The state of one row over one span.
void attend_span(const AttentionTile& tile, int row, int span, const AttentionState& state) {
  const int dim = tile.head_dim;
  const int token = row / tile.group;
  const int position = tile.first_position + token;
  const float* q = tile.q + token * tile.q_stride + row % tile.group * dim;
  const int begin = std::max(span * kSpan, tile.window > 0 ? position - tile.window + 1 : 0);
  const int end = std::min((span + 1) * kSpan, position + 1);
  double scores[kSpan], peak = -std::numeric_limits<double>::infinity();
  const auto block_of = [&](int key) {
    return tile.pool + static_cast<std::size_t>(tile.block_table[key / kKvBlock]) * tile.block_bytes;
  };
  for (int key = begin; key < end; ++key) {
    const std::byte* keys = block_of(key) + tile.k_offset;
    double score = 0;
    for (int d = 0; d < dim; ++d)
      score += static_cast<double>(q[d]) *
               element(keys, static_cast<std::size_t>(d * kKvBlock + key % kKvBlock), tile.kv_type);
    score *= tile.scale;
    if (tile.softcap > 0) score = tile.softcap * std::tanh(score / tile.softcap);
    scores[key - begin] = score;
    peak = std::max(peak, score);
  }
  // Weights are taken against the maximum as it is stored.
  *state.maxima = static_cast<float>(peak);
  double sum = 0, values[kMaxHeadDim] = {};
  for (int key = begin; key < end; ++key) {
    const std::byte* block_values = block_of(key) + tile.v_offset;
    const double weight = std::exp(scores[key - begin] - *state.maxima);
    sum += weight;
    for (int d = 0; d < dim; ++d)
      values[d] += weight * element(block_values, static_cast<std::size_t>(key % kKvBlock * dim + d), tile.kv_type);
  }
  *state.sums = static_cast<float>(sum);
  for (int d = 0; d < dim; ++d) state.values[d] = static_cast<float>(values[d]);
}

}  // namespace

void attend(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state, float*) {
  const int dim = tile.head_dim;
  for (int row = 0; row < tile.n_rows(); ++row) {
    const AttentionState own{state.values + row * dim, state.maxima + row, state.sums + row};
    *own.maxima = -std::numeric_limits<float>::infinity();
    *own.sums = 0;
    std::fill_n(own.values, dim, 0.0f);
    for (int span = first_span; span < last_span; ++span) {
      float values[kMaxHeadDim], maximum, sum;
      const AttentionState part{values, &maximum, &sum};
      attend_span(tile, row, span, part);
      merge_attention(own, part, 1, dim);
    }
  }
}

void merge_attention(const AttentionState& into, const AttentionState& later, int n_rows, int head_dim) {
  for (int row = 0; row < n_rows; ++row) {
    if (std::isinf(later.maxima[row]) && later.maxima[row] < 0) continue;
    const float peak = std::max(into.maxima[row], later.maxima[row]);
    const float keep = std::exp(into.maxima[row] - peak), weight = std::exp(later.maxima[row] - peak);
    into.sums[row] = into.sums[row] * keep + later.sums[row] * weight;
    for (int d = 0; d < head_dim; ++d) {
      float& value = into.values[row * head_dim + d];
      value = value * keep + later.values[row * head_dim + d] * weight;
    }
    into.maxima[row] = peak;
  }
}

void store_kv(const float* k, const float* v, int head_dim, int slot, std::byte* k_tile, std::byte* v_tile,
              KvType type) {
  const auto saturated = [](float x) { return float_to_half(x > 65504.0f ? 65504.0f : x < -65504.0f ? -65504.0f : x); };
  for (int d = 0; d < head_dim; ++d) {
    const int k_at = d * kKvBlock + slot, v_at = slot * head_dim + d;
    if (type == KvType::f32) {
      reinterpret_cast<float*>(k_tile)[k_at] = k[d];
      reinterpret_cast<float*>(v_tile)[v_at] = v[d];
    } else {
      reinterpret_cast<std::uint16_t*>(k_tile)[k_at] = saturated(k[d]);
      reinterpret_cast<std::uint16_t*>(v_tile)[v_at] = saturated(v[d]);
    }
  }
}

}  // namespace llmagentos::reference
