#include <cmath>

#include "kernels/quantize/quantize_row.h"
#include "kernels/reference.h"

namespace llmagentos::reference {

using namespace kernels;

void quantize_row(const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta) {
  for (std::size_t block = 0; block < n / kBlock; ++block, x += kBlock, quants += kBlock) {
    float largest = 0;
    for (int i = 0; i < kBlock; ++i) largest = std::fmax(largest, std::fabs(x[i]));
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    std::int32_t sums[2] = {};
    for (int i = 0; i < kBlock; ++i) {
      const auto q = static_cast<std::int32_t>(std::nearbyint(x[i] * inverse));
      quants[i] = static_cast<std::int8_t>(q);
      sums[i / 16] += q;
    }
    const float scale = largest / 127.0f;
    meta[block] = {scale, scale * static_cast<float>(sums[0] + sums[1]), {-sums[0], -sums[1]}};
  }
}

}  // namespace llmagentos::reference
