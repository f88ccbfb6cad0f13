// Every function of a vector wrapper as one on plain memory: what wrapper_simd.cpp exports of each ISA and model.
// Included by files compiled for several ISAs: types only.
#pragma once

#include <cstdint>

namespace llmagentos::wrapper {

// Operands, enough for the widest vector. They are read as whichever type an operation takes.
struct Input {
  alignas(64) std::uint8_t a[64], b[64], c[64];
  std::uint8_t weights[8][64];
  std::int8_t activations[32];
  std::int16_t neg_sum;
};

struct Output {
  alignas(64) std::uint8_t bytes[64];  // zero where an operation writes nothing
};

// How outputs compare. For floats and halves, any NaN equals any other.
enum class Result { bits, floats, halves };

struct Operation {
  const char* name;
  Result result;
  void (*run)(const Input& in, Output& out);
};

struct Wrapper {
  int lanes, max_tile, float_tile;
  const Operation* operations;
  int n_operations;
};

}  // namespace llmagentos::wrapper
