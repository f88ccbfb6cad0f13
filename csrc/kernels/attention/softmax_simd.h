// Scores of queries into weights: cap, bias, mask and softmax of one span.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {
namespace {

using namespace kernels;
using namespace simd;

constexpr float kNegInfinity = -__builtin_inff();
constexpr int kSoftmaxRows = 4;

// Turns the first `n` (a multiple of kLanes) scores of kRows rows into weights e^(score - maximum): zeros where there
// is no score but -infinity. Rows together, since each is a chain of results that wait for one another.
template <int kRows>
inline void softmax_rows(float* scores, int n, float* maxima, float* sums) {
  F32 peak[kRows], total[kRows], shift[kRows];
  for (int r = 0; r < kRows; ++r) peak[r] = load(scores + r * kSpan);
  for (int i = kLanes; i < n; i += kLanes)
    for (int r = 0; r < kRows; ++r) peak[r] = max(peak[r], load(scores + r * kSpan + i));
  for (int r = 0; r < kRows; ++r) {
    const float maximum = reduce_max(peak[r]);
    maxima[r] = maximum;
    shift[r] = set1(maximum == kNegInfinity ? 0.0f : maximum);
    total[r] = zero();
  }
  for (int i = 0; i < n; i += kLanes)
    for (int r = 0; r < kRows; ++r) {
      const F32 weight = exp(sub(load(scores + r * kSpan + i), shift[r]));
      store(scores + r * kSpan + i, weight);
      total[r] = add(total[r], weight);
    }
  for (int r = 0; r < kRows; ++r) sums[r] = reduce_add(total[r]);
}

// The keys of a span that a row sees: slots [hidden, visible).
struct Visible {
  int hidden, visible;
};

inline Visible visible_keys(const AttentionTile& tile, int position, int begin) {
  const int own = position + 1 - begin;  // up to the query's
  Visible keys{0, tile.n_keys > 0 ? tile.n_keys - begin : own};
  if (tile.window > 0) {
    if (keys.visible - own >= tile.window) keys.visible = own + tile.window - 1;
    if (own > tile.window) keys.hidden = own - tile.window;
  }
  if (tile.chunk > 0) {
    const int earlier = own - 1 - position % tile.chunk;
    if (earlier > keys.hidden) keys.hidden = earlier;
  }
  return keys;
}

// Softcap, bias and mask of one row's first `n` scores of the span that begins with key `begin`.
inline void finish_scores(const AttentionTile& tile, int row, int begin, int n, float* scores) {
  if (tile.softcap > 0) {
    const F32 cap = set1(tile.softcap), inverse = set1(1.0f / tile.softcap);
    for (int i = 0; i < n; i += kLanes) store(scores + i, mul(cap, tanh(mul(load(scores + i), inverse))));
  }
  const int position = tile.first_position + row / tile.group;
  if (tile.bias) {
    const float* bias = tile.bias + row % tile.group * tile.bias_stride + (begin - position);
    for (int i = 0; i < n; i += kLanes) store(scores + i, add(load(scores + i), load(bias + i)));
  }
  const Visible keys = visible_keys(tile, position, begin);
  for (int i = 0; i < keys.hidden && i < n; ++i) scores[i] = kNegInfinity;
  for (int i = keys.visible < 0 ? 0 : keys.visible; i < n; ++i) scores[i] = kNegInfinity;
}

}  // namespace
}  // namespace llmagentos::LLMAGENTOS_ISA
