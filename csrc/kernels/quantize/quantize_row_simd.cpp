#include "base/half.h"
#include "kernels/quantize/quantize_row.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

void quantize_row(const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta) {
  constexpr int kVectors = kHalf / kLanes;
  for (std::size_t block = 0; block < n / kBlock; ++block) {
    BlockMeta& m = meta[block];
    m.scaled_sum = 0;
    for (int half = 0; half < 2; ++half, x += kHalf, quants += kHalf) {
      F32 v[kVectors];
      I32 largest = set1_i32(0);
      for (int i = 0; i < kVectors; ++i) {
        v[i] = load(x + i * kLanes);
        largest = max_i32(largest, magnitude_bits(v[i]));
      }
      const std::int32_t peak_bits = reduce_max_i32(largest);
      const bool is_finite = peak_bits < 0x7f800000;
      const float peak = bits_to_float(static_cast<std::uint32_t>(peak_bits));
      const bool is_zero = peak < kSmallestPeak;
      const F32 inverse = set1(is_zero || !is_finite ? 0.0f : 127.0f / peak);
      I32 sums = set1_i32(0);
      for (int i = 0; i < kVectors; ++i) {
        const I32 q = is_finite ? to_i32(mul(v[i], inverse)) : set1_i32(0);
        store_i8(quants + i * kLanes, q);
        sums = add_i32(sums, q);
      }
      const auto sum = static_cast<std::int16_t>(reduce_add_i32(sums));
      m.scale[half] = is_zero ? 0.0f : peak / 127.0f;
      m.neg_sum[half] = static_cast<std::int16_t>(-sum);
      m.scaled_sum += m.scale[half] * static_cast<float>(sum);
    }
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
