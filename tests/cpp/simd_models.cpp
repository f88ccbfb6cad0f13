// The rows of the ISA table come from CMake: LLMAGENTOS_EACH_MODEL is MODEL(sse4) MODEL(avx2)..., LLMAGENTOS_EACH_ISA
// is ISA(...) for those of this processor.
#include "simd_models.h"

namespace llmagentos {

#define MODEL(name)                            \
  namespace model_##name {                     \
    extern const kernels::KernelTable kTable;  \
    extern const kernels::ProbeKernels kProbe; \
    extern const wrapper::Wrapper kWrapper;    \
  }
#define ISA(name)                         \
  namespace name {                        \
  extern const wrapper::Wrapper kWrapper; \
  }
LLMAGENTOS_EACH_MODEL
LLMAGENTOS_EACH_ISA
#undef MODEL
#undef ISA

#define MODEL(name) {#name, &model_##name::kTable, &model_##name::kProbe, &model_##name::kWrapper},
#define ISA(name) \
  if (isa == #name) return &name::kWrapper;

std::vector<SimdModel> simd_models() { return {LLMAGENTOS_EACH_MODEL}; }

const wrapper::Wrapper* wrapper_of(std::string_view isa) {
  LLMAGENTOS_EACH_ISA
  static_cast<void>(isa);
  return nullptr;
}

}  // namespace llmagentos
