// Rotary position embedding (Su et al., 2021) of one head at one position.
#pragma once

#include <cstddef>

namespace llmagentos::kernels {

enum class RopePairs {
  halves,    // element i rotates with i + n/2 (GPT-NeoX, Qwen, Gemma)
  adjacent,  // element 2i rotates with 2i + 1 (GGUF files of architecture llama)
};

// Rotates x[n] in place by the angles whose cosines and sines are cos[n/2] and sin[n/2]; n is even.
using Rope = void(float* x, std::size_t n, const float* cos, const float* sin, RopePairs pairs);

}  // namespace llmagentos::kernels
