// F32: plain float32.
#pragma once

#include <cstddef>
#include <cstring>

namespace llmagentos {

static inline void decode_f32(const float* in, float* out, std::size_t n) { std::memcpy(out, in, n * sizeof(float)); }

static inline void encode_f32(const float* in, float* out, std::size_t n) { std::memcpy(out, in, n * sizeof(float)); }

}  // namespace llmagentos
