// What the processor can execute and the operating system lets it: the facts that choose kernels.
#pragma once

#include <cstdint>
#include <string>

namespace llmagentos {

// A feature is true only when the CPU has it and the OS saves the registers it uses across context switches.
struct CpuFeatures {
  // x86-64
  bool ssse3 = false;
  bool sse4_1 = false;
  bool sse4_2 = false;
  bool popcnt = false;
  bool avx = false;
  bool avx2 = false;
  bool fma = false;
  bool f16c = false;
  bool bmi2 = false;
  bool avxvnni = false;  // byte products without AVX-512
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512dq = false;
  bool avx512vl = false;
  bool avx512vnni = false;
  bool avx512fp16 = false;
  bool intel = false;  // the maker
  // AArch64
  bool neon = false;
  bool dotprod = false;
  bool fp16 = false;  // half-precision arithmetic, scalar and vector

  bool x86_64_v2() const { return ssse3 && sse4_1 && sse4_2 && popcnt; }
};

// This machine's features, read once.
const CpuFeatures& cpu_features();

// The registers of CPUID and XGETBV that decide the x86-64 features, apart so that tests can make up a processor.
struct CpuidState {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf7_ebx = 0;
  std::uint32_t leaf7_ecx = 0;
  std::uint32_t leaf7_edx = 0;
  std::uint32_t leaf7_1_eax = 0;  // of subleaf 1
  std::uint64_t xcr0 = 0;         // 0 unless leaf 1 reports OSXSAVE
  bool intel = false;             // leaf 0 names GenuineIntel
};

CpuFeatures features_from_cpuid(const CpuidState& state);

// The processor's name as it gives it ("AMD EPYC 7763 64-Core Processor"); "unknown CPU" when it does not say.
std::string cpu_name();

}  // namespace llmagentos
