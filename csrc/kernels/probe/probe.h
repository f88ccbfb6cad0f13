// Loops that do nothing but keep one unit of the processor busy: what a kernel's speed is measured against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmagentos::kernels {

// One thread each. The returned value depends on every operation, so that none can be left out.
struct ProbeKernels {
  const char* isa;

  // Float32 multiply-adds in registers. Does rounds * fma_per_round operations, a multiply-add counting 2.
  float (*fma)(std::uint64_t rounds);
  std::uint64_t fma_per_round;

  // Products of 4-bit weights with 8-bit activations, as the quantised matmul does them: weights in registers, 32
  // activations in the first-level cache, exact int32 sums. Counted like fma.
  std::int32_t (*dot)(std::uint64_t rounds);
  std::uint64_t dot_per_round;

  // Reads n floats in order, n a multiple of kReadStep.
  float (*read)(const float* data, std::size_t n);
};

inline constexpr std::size_t kReadStep = 128;

// The probes of `isa`, or of the one that select_kernels() chooses when it is empty. Throws InvalidArgument as that
// does.
const ProbeKernels& probe_kernels(std::string_view isa = {});

}  // namespace llmagentos::kernels
