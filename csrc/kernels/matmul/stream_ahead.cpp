#include "kernels/matmul/matmul.h"

namespace llmagentos::kernels {

// Intel's servers since Sapphire Rapids read a single stream at half the speed that a core can have, unless it is asked
// for early (docs/performance.md). On AMD's Zen 4 asking so early costs a quarter.
std::size_t stream_ahead(const CpuFeatures& cpu) { return cpu.intel && cpu.avx512fp16 ? 4096 : 0; }

}  // namespace llmagentos::kernels
