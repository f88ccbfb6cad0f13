#include "runtime/sampler_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <string>

#include "base/error.h"

namespace llmagentos::sampling {
namespace {

// Floats as integers of the same order, because integer maxima vectorise under strict floating-point rules. NaNs land
// beyond the infinities. Adding zero first makes -0 equal to +0.
inline std::int32_t ordered(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value + 0.0f);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

inline float from_ordered(std::int32_t key) { return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff)); }

// exp(x) for x <= 0, within 3e-7 relative; 0 below -87, where float32 runs out of normal numbers.
inline float exp_nonpositive(float x) {
  // x = n ln 2 + r: adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  constexpr float kRounder = 12582912.0f;
  constexpr float kLn2High = 0.693359375f;  // few enough bits that n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  const float shifted = x * 1.44269504f + kRounder;
  const float n = shifted - kRounder;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  // The polynomial of degree 5 through (0, 1) with the least relative error for |r| <= 0.347: 1e-7.
  float p = 0.00829027221f;
  p = p * r + 0.0418981612f;
  p = p * r + 0.166676387f;
  p = p * r + 0.499991477f;
  p = p * r + 0.999999702f;
  p = p * r + 1.0f;
  const float power = std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u);
  // A mask rather than a choice of floats, which strict floating-point rules keep from vectorising.
  const std::uint32_t keep = 0u - static_cast<std::uint32_t>(x >= -87.0f);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p * power) & keep);
}

// Adds the upper half of the first 2 * width values to the lower.
template <std::size_t width>
inline void fold(float* values) {
  for (std::size_t i = 0; i < width; ++i) values[i] += values[i + width];
}

// The sum of a block, which it overwrites. A tree of three float32 levels errs by a few 2^-25 at most; the rest is
// float64.
inline double block_sum(float* values) {
  fold<kBlock / 2>(values);
  fold<kBlock / 4>(values);
  fold<kBlock / 8>(values);
  double sum = 0;
  for (std::size_t lane = 0; lane < kBlock / 8; ++lane) sum += static_cast<double>(values[lane]);
  return sum;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

constexpr std::array<std::uint32_t, 32> kBits = [] {
  std::array<std::uint32_t, 32> bits{};
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = 1u << i;
  return bits;
}();

// Replaces those of 32 values whose bit is clear. The test against constants vectorises; a shift by the index does not.
inline void forbid(const float* values, std::uint32_t allowed, float* out) {
  for (std::size_t i = 0; i < kBits.size(); ++i) {
    const std::uint32_t keep = 0u - static_cast<std::uint32_t>((allowed & kBits[i]) != 0);
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]);
    out[i] = std::bit_cast<float>((bits & keep) | (std::bit_cast<std::uint32_t>(-kInfinity) & ~keep));
  }
}

[[noreturn]] void refuse_bad_logit(const LogitRow& row) {
  for (std::size_t id = 0; id < row.size(); ++id) {
    const float logit = row.values[id];
    const bool nan = logit != logit;
    if ((!nan && logit != kInfinity) || (row.allowed && !has_token(*row.allowed, id))) continue;
    throw Error(std::string("the logit of token ") + std::to_string(id) + " is " + (nan ? "NaN" : "+infinity") +
                ": the model's weights or its computation are broken");
  }
  if (row.allowed) throw Error("every token is forbidden: the mask allows none whose logit is above -infinity");
  throw Error("every token is forbidden: all logits are -infinity");
}

}  // namespace

const float* block_values(const LogitRow& row, std::size_t block, float* buffer) {
  const float* values = row.values.data() + block * kBlock;
  const std::size_t n = std::min(kBlock, row.size() - block * kBlock);
  if (n < kBlock) {
    std::fill(std::copy(values, values + n, buffer), buffer + kBlock, -kInfinity);
    values = buffer;
  }
  const std::uint64_t allowed = row.allowed_in(block);
  if (allowed == ~std::uint64_t{0}) return values;
  forbid(values, static_cast<std::uint32_t>(allowed), buffer);
  forbid(values + kBlock / 2, static_cast<std::uint32_t>(allowed >> 32), buffer + kBlock / 2);
  return buffer;
}

void find_maxima(const LogitRow& row, Maxima& maxima) {
  const std::size_t blocks = block_count(row.size());
  maxima.blocks.resize(blocks);
  std::int32_t greatest = ordered(-kInfinity);
  std::int32_t least = std::numeric_limits<std::int32_t>::max();
  float buffer[kBlock];
  for (std::size_t block = 0; block < blocks; ++block) {
    if (row.allowed_in(block) == 0) {
      maxima.blocks[block] = -kInfinity;
      continue;
    }
    const float* const values = block_values(row, block, buffer);
    std::int32_t high = std::numeric_limits<std::int32_t>::min();
    std::int32_t low = std::numeric_limits<std::int32_t>::max();
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::int32_t key = ordered(values[i]);
      high = std::max(high, key);
      low = std::min(low, key);
    }
    maxima.blocks[block] = from_ordered(high);
    greatest = std::max(greatest, high);
    least = std::min(least, low);
  }
  if (greatest >= ordered(kInfinity) || greatest <= ordered(-kInfinity) || least < ordered(-kInfinity)) {
    refuse_bad_logit(row);
  }
  maxima.top = from_ordered(greatest);
}

std::size_t argmax(const LogitRow& row, const Maxima& maxima) {
  const auto found = std::find(maxima.blocks.begin(), maxima.blocks.end(), maxima.top);
  const auto block = static_cast<std::size_t>(found - maxima.blocks.begin());
  float buffer[kBlock];
  const float* const values = block_values(row, block, buffer);
  return block * kBlock + static_cast<std::size_t>(std::find(values, values + kBlock, maxima.top) - values);
}

float kth_largest_bound(const Maxima& maxima, std::size_t k) {
  if (k > maxima.blocks.size()) return -std::numeric_limits<float>::infinity();
  // The k blocks with the largest maxima hold k logits that reach the smallest of those maxima.
  std::vector<float> blocks = maxima.blocks;
  const auto kth = blocks.begin() + static_cast<std::ptrdiff_t>(k) - 1;
  std::nth_element(blocks.begin(), kth, blocks.end(), std::greater<>());
  return *kth;
}

void weigh_block(const LogitRow& row, std::size_t block, const Softmax& softmax, WeighedBlock& out) {
  float buffer[kBlock];
  const float* const values = block_values(row, block, buffer);
  const Softmax map = softmax;  // a copy that `out` cannot alias
  for (std::size_t i = 0; i < kBlock; ++i) {
    const float scaled = map.scaled(values[i]);
    out.scaled[i] = scaled;
    out.weight[i] = exp_nonpositive(scaled);
  }
}

void weigh(std::span<const float> logits, const Softmax& softmax, float* scaled, float* weight) {
  const Softmax map = softmax;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    scaled[i] = map.scaled(logits[i]);
    weight[i] = exp_nonpositive(scaled[i]);
  }
}

double sum_weights(const LogitRow& row, const Softmax& softmax, std::vector<double>& blocks, double* moment) {
  blocks.resize(block_count(row.size()));
  double total = 0;
  double total_moment = 0;
  WeighedBlock weighed;
  for (std::size_t block = 0; block < blocks.size(); ++block) {
    blocks[block] = 0;
    if (row.allowed_in(block) == 0) continue;
    weigh_block(row, block, softmax, weighed);
    if (moment != nullptr) {
      // The bound changes no product, for lower values weigh nothing, but keeps -infinity out.
      for (std::size_t i = 0; i < kBlock; ++i)
        weighed.scaled[i] = std::max(weighed.scaled[i], -88.0f) * weighed.weight[i];
      total_moment += block_sum(weighed.scaled);
    }
    blocks[block] = block_sum(weighed.weight);
    total += blocks[block];
  }
  if (moment != nullptr) *moment = total_moment;
  return total;
}

}  // namespace llmagentos::sampling
