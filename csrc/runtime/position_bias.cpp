#include "runtime/position_bias.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace llmagentos::runtime {
namespace {

// T5's: exact for half of the buckets of a direction, then logarithmic up to max_distance. In float32 and truncated, as
// the reference implementations compute it.
int bucket_of(std::int64_t distance, const graph::PositionBias& bias) {
  int n = bias.n_buckets, bucket = 0;
  if (bias.is_bidirectional) {
    n /= 2;
    if (distance > 0) bucket = n;
    distance = std::abs(distance);
  } else {
    distance = std::max<std::int64_t>(-distance, 0);
  }
  const int exact = n / 2;
  if (distance < exact) return bucket + static_cast<int>(distance);
  const float share = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(bias.max_distance) / exact));
  return bucket + std::min(exact + static_cast<int>(share * static_cast<float>(n - exact)), n - 1);
}

}  // namespace

void PositionBiasTable::reach(std::int64_t n, const Weights& weights) {
  if (n <= reach_) return;
  const std::int64_t reach = std::max(n, 2 * reach_);
  const graph::PositionBias& bias = planned_.bias;
  const auto n_heads = static_cast<std::size_t>(planned_.n_heads);
  const auto stride = static_cast<std::size_t>(stride_of(reach));
  std::vector<float> values(n_heads * stride);

  std::vector<float> learned;  // [n_buckets][n_heads]
  if (bias.table != graph::kNone) {
    const PackedMatrix& matrix = weights.matrix(bias.table);
    learned.resize(static_cast<std::size_t>(bias.n_buckets) * n_heads);
    for (int b = 0; b < bias.n_buckets; ++b)
      matrix.kernel.decode_row(matrix.group(b / kernels::kRowGroup), b % kernels::kRowGroup, n_heads,
                               learned.data() + static_cast<std::size_t>(b) * n_heads);
  }
  for (std::int64_t distance = -reach; distance < reach + kBeyond; ++distance) {
    const std::size_t at = static_cast<std::size_t>(distance + reach);
    const float* row =
        learned.empty() ? nullptr : learned.data() + static_cast<std::size_t>(bucket_of(distance, bias)) * n_heads;
    for (std::size_t h = 0; h < n_heads; ++h)
      values[h * stride + at] = row ? row[h] : -bias.slopes[h] * static_cast<float>(std::abs(distance));
  }
  values_ = std::move(values);
  reach_ = reach;
}

}  // namespace llmagentos::runtime
