// What a kernel will read soon.
#pragma once

#include <cstddef>

#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {
namespace {

// Asks for `n` bytes, into the second-level cache: the first level has too few line buffers to keep the memory busy.
LLMAGENTOS_PREFETCHES void prefetch(const void* bytes, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 64) __builtin_prefetch(static_cast<const char*>(bytes) + i, 0, 2);
}

}  // namespace
}  // namespace llmagentos::LLMAGENTOS_ISA
