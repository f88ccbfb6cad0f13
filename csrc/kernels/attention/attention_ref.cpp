// One query row at a time, in double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "kernels/attention/attention.h"
#include "kernels/quantize/quantize_row.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

using namespace kernels;

namespace {

// The element at `index` of a K or V tile, which belongs to the token in `slot`.
float element(const std::byte* tile, int index, int slot, int head_dim, KvType type) {
  if (type == KvType::f32) return reinterpret_cast<const float*>(tile)[index];
  if (type == KvType::f16) return half_to_float(reinterpret_cast<const std::uint16_t*>(tile)[index]);
  const auto* scales = reinterpret_cast<const float*>(tile + head_dim * kKvBlock);
  return scales[slot] * static_cast<float>(reinterpret_cast<const std::int8_t*>(tile)[index]);
}

// int8 elements `stride` apart, and their scale.
void store_quantised(const float* x, int n, std::int8_t* to, int stride, float& scale) {
  float peak = 0;
  bool is_finite = true;
  for (int i = 0; i < n; ++i) {
    peak = std::max(peak, std::fabs(x[i]));
    is_finite = is_finite && std::isfinite(x[i]);
  }
  const bool is_zero = peak < kSmallestPeak;
  const float inverse = is_zero ? 0.0f : 127.0f / peak;
  for (int i = 0; i < n; ++i)
    to[i * stride] = is_finite ? static_cast<std::int8_t>(std::nearbyint(x[i] * inverse)) : std::int8_t{0};
  scale = !is_finite ? std::numeric_limits<float>::quiet_NaN() : is_zero ? 0.0f : peak / 127.0f;
}

// The state of one row over one span.
void attend_span(const AttentionTile& tile, int row, int span, const AttentionState& state) {
  const int dim = tile.head_dim;
  const int token = row / tile.group;
  const int position = tile.first_position + token;
  const float* q = tile.q + token * tile.q_stride + row % tile.group * dim;
  int begin = span * kSpan, end = std::min((span + 1) * kSpan, tile.n_keys > 0 ? tile.n_keys : position + 1);
  if (tile.window > 0) {
    begin = std::max(begin, position - tile.window + 1);
    if (tile.window <= end - position) end = position + tile.window;
  }
  if (tile.chunk > 0) begin = std::max(begin, position - position % tile.chunk);
  const float* bias = tile.bias ? tile.bias + row % tile.group * tile.bias_stride : nullptr;
  double scores[kSpan], peak = -std::numeric_limits<double>::infinity();
  const auto block_of = [&](int key) {
    return tile.pool + static_cast<std::size_t>(tile.block_table[key / kKvBlock]) * tile.block_bytes;
  };
  for (int key = begin; key < end; ++key) {
    const std::byte* keys = block_of(key) + tile.k_offset;
    double score = 0;
    for (int d = 0; d < dim; ++d)
      score +=
          static_cast<double>(q[d]) * element(keys, d * kKvBlock + key % kKvBlock, key % kKvBlock, dim, tile.kv_type);
    score *= tile.scale;
    if (tile.softcap > 0) score = tile.softcap * std::tanh(score / tile.softcap);
    if (bias) score += bias[key - position];
    scores[key - begin] = score;
    peak = std::max(peak, score);
  }
  if (begin < end && std::isinf(peak) && peak < 0) {  // not empty, but without a finite score
    *state.maxima = 0;
    *state.sums = std::numeric_limits<float>::quiet_NaN();
    std::fill_n(state.values, dim, 0.0f);
    return;
  }
  // Weights are taken against the maximum as it is stored.
  *state.maxima = static_cast<float>(peak);
  double sum = 0, values[kMaxHeadDim] = {};
  for (int key = begin; key < end; ++key) {
    const std::byte* block_values = block_of(key) + tile.v_offset;
    const double weight = std::exp(scores[key - begin] - *state.maxima);
    sum += weight;
    for (int d = 0; d < dim; ++d)
      values[d] += weight * element(block_values, key % kKvBlock * dim + d, key % kKvBlock, dim, tile.kv_type);
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
  if (type == KvType::i8) {
    auto* keys = reinterpret_cast<std::int8_t*>(k_tile);
    auto* values = reinterpret_cast<std::int8_t*>(v_tile);
    const std::ptrdiff_t scales_at = static_cast<std::ptrdiff_t>(head_dim) * kKvBlock;
    store_quantised(k, head_dim, keys + slot, kKvBlock, reinterpret_cast<float*>(k_tile + scales_at)[slot]);
    store_quantised(v, head_dim, values + slot * head_dim, 1, reinterpret_cast<float*>(v_tile + scales_at)[slot]);
    return;
  }
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
