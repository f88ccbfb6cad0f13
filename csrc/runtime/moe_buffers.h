// What threads share within a step of experts. A row is one of ExpertRows; there are at most max_tokens * n_used.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "runtime/expert_routing.h"

namespace llmagentos::runtime {

struct MoeBuffers {
  std::vector<std::int32_t> experts;  // [tokens][n_used]
  std::vector<float> weights;         // likewise
  AlignedBuffer panels;               // the rows' inputs, for weights that take them in panels
  // Between gate and down [rows][hidden]: floats, or panels of them by expert, or quants and what belongs to them.
  AlignedBuffer hidden, quants, meta;
};

}  // namespace llmagentos::runtime
