// The table of weight formats: how a row of each is decoded, and encoded where this build can.
// Kernels include the format's own header (quant/q4_k.h, ...) instead: everything there is `static inline`.
#pragma once

#include <cstddef>

#include "base/dtype.h"

namespace llmagentos {

// n values, a multiple of the format's block_elements. `blocks` is aligned to 4 bytes for F32 and 2 otherwise, and
// does not overlap the values. Decoding rounds as ggml's reference does, so the values equal gguf-py's bit for bit.
using DecodeRow = void (*)(const void* blocks, float* out, std::size_t n);
// Encoders take the weight of each value in the squared error that they keep low, positive, or nullptr for 1 each.
// Without weights Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 round as ggml's reference does; Q8_0 and the floats have no use for
// any.
using EncodeRow = void (*)(const float* in, const float* weights, void* blocks, std::size_t n);

struct FormatOps {
  DType dtype;
  DecodeRow decode;
  EncodeRow encode;  // nullptr where there is no encoder
};

// Throws InvalidArgument for a value that is no DType.
const FormatOps& format_ops(DType dtype);

}  // namespace llmagentos
