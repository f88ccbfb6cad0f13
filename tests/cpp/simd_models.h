// The kernels over the scalar model of each ISA (csrc/kernels/simd/model.h), and the vector wrappers themselves.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/probe/probe.h"
#include "kernels/table.h"
#include "wrapper.h"

namespace llmagentos {

struct SimdModel {
  std::string_view isa;  // the one that is modelled
  const kernels::KernelTable* table;
  const kernels::ProbeKernels* probe;
  const wrapper::Wrapper* wrapper;
};

// Of all ISAs, those of other processors included.
std::vector<SimdModel> simd_models();

// The vector wrapper that this build has for `isa`, which the machine may lack; nullptr for another processor's.
const wrapper::Wrapper* wrapper_of(std::string_view isa);

}  // namespace llmagentos
