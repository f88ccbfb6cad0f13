#include "kernels/quantize/quantize_row.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

void quantize_row(const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta) {
  constexpr int kVectors = kBlock / kLanes;
  for (std::size_t block = 0; block < n / kBlock; ++block, x += kBlock, quants += kBlock) {
    F32 v[kVectors];
    F32 largest = zero();
    for (int i = 0; i < kVectors; ++i) {
      v[i] = load(x + i * kLanes);
      largest = max(largest, abs(v[i]));
    }
    const float peak = reduce_max(largest);
    const F32 inverse = set1(peak > 0 ? 127.0f / peak : 0.0f);
    std::int32_t sums[2] = {};
    for (int half = 0; half < 2; ++half) {
      I32 sum = set1_i32(0);
      for (int i = half * kVectors / 2; i < (half + 1) * kVectors / 2; ++i) {
        const I32 q = to_i32(mul(v[i], inverse));
        store_i8(quants + i * kLanes, q);
        sum = add_i32(sum, q);
      }
      sums[half] = reduce_add_i32(sum);
    }
    const float scale = peak / 127.0f;
    meta[block] = {scale, scale * static_cast<float>(sums[0] + sums[1]), {-sums[0], -sums[1]}};
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
