// The tables that each ISA's translation units define (kernels/simd/table_simd.cpp, kernels/probe/probe_simd.cpp).
#pragma once

#include "kernels/probe/probe.h"
#include "kernels/table.h"

#define LLMAGENTOS_DECLARE_ISA(isa)          \
  namespace llmagentos::isa {                \
  extern const kernels::KernelTable kTable;  \
  extern const kernels::ProbeKernels kProbe; \
  }

#if defined(__x86_64__)
LLMAGENTOS_DECLARE_ISA(sse4)
LLMAGENTOS_DECLARE_ISA(avx2)
LLMAGENTOS_DECLARE_ISA(avxvnni)
LLMAGENTOS_DECLARE_ISA(avx512)
LLMAGENTOS_DECLARE_ISA(avx512vnni)
#elif defined(__aarch64__)
LLMAGENTOS_DECLARE_ISA(neon)
LLMAGENTOS_DECLARE_ISA(neondot)
#endif

#undef LLMAGENTOS_DECLARE_ISA
