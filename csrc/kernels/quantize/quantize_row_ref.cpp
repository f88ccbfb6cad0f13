#include <cmath>

#include "kernels/quantize/quantize_row.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

using namespace kernels;

void quantize_row(const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta) {
  for (std::size_t block = 0; block < n / kBlock; ++block) {
    BlockMeta& m = meta[block];
    m.scaled_sum = 0;
    for (int half = 0; half < 2; ++half, x += kHalf, quants += kHalf) {
      float largest = 0;
      for (int i = 0; i < kHalf; ++i)
        if (!(std::fabs(x[i]) <= largest)) largest = std::isnan(largest) ? largest : std::fabs(x[i]);
      const bool is_finite = std::isfinite(largest) && std::isfinite(largest / 127.0f);
      const bool is_zero = largest < kSmallestPeak;
      const float inverse = is_zero ? 0.0f : 127.0f / largest;
      int sum = 0;
      for (int i = 0; i < kHalf; ++i) {
        quants[i] = is_finite ? static_cast<std::int8_t>(std::nearbyint(x[i] * inverse)) : std::int8_t{0};
        sum += quants[i];
      }
      m.scale[half] = is_zero ? 0.0f : largest / 127.0f;
      m.neg_sum[half] = static_cast<std::int16_t>(-sum);
      m.scaled_sum += m.scale[half] * static_cast<float>(sum);
    }
  }
}

}  // namespace llmagentos::reference
