#include "base/cpu_features.h"

#include <array>
#include <cstring>
#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace llmagentos {
namespace {

#if defined(__x86_64__)

// The instruction by its bytes: compilers offer it only to files compiled for XSAVE.
std::uint64_t read_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

CpuidState read_cpuid() {
  CpuidState state;
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) != 0)
    state.intel = ebx == signature_INTEL_ebx && edx == signature_INTEL_edx && ecx == signature_INTEL_ecx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0) state.leaf1_ecx = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) {
    state.leaf7_ebx = ebx;
    state.leaf7_ecx = ecx;
    state.leaf7_edx = edx;
    if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) state.leaf7_1_eax = eax;
  }
  constexpr std::uint32_t kOsxsave = 1u << 27;
  if ((state.leaf1_ecx & kOsxsave) != 0) state.xcr0 = read_xcr0();
  return state;
}

CpuFeatures detect() { return features_from_cpuid(read_cpuid()); }

#elif defined(__aarch64__) && defined(__linux__)

CpuFeatures detect() {
  // Bits of the kernel's ABI (Documentation/arch/arm64/elf_hwcaps.rst); older headers lack some of the names.
  const unsigned long caps = getauxval(AT_HWCAP);
  CpuFeatures features;
  features.neon = (caps >> 1 & 1) != 0;
  features.fp16 = (caps >> 9 & 1) != 0 && (caps >> 10 & 1) != 0;
  features.dotprod = (caps >> 20 & 1) != 0;
  return features;
}

#elif defined(__aarch64__) && defined(__APPLE__)

bool has(const char* name) {
  int value = 0;
  std::size_t bytes = sizeof value;
  return sysctlbyname(name, &value, &bytes, nullptr, 0) == 0 && value != 0;
}

CpuFeatures detect() {
  CpuFeatures features;
  features.neon = true;
  features.fp16 = has("hw.optional.arm.FEAT_FP16");
  features.dotprod = has("hw.optional.arm.FEAT_DotProd");
  return features;
}

#else

CpuFeatures detect() { return {}; }

#endif

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

CpuFeatures features_from_cpuid(const CpuidState& state) {
  const auto bit = [](std::uint32_t word, int index) { return (word >> index & 1u) != 0; };
  CpuFeatures features;
  features.ssse3 = bit(state.leaf1_ecx, 9);
  features.sse4_1 = bit(state.leaf1_ecx, 19);
  features.sse4_2 = bit(state.leaf1_ecx, 20);
  features.popcnt = bit(state.leaf1_ecx, 23);
  features.bmi2 = bit(state.leaf7_ebx, 8);

  // XCR0 says which registers the OS saves: 1 XMM, 2 upper halves of YMM, 5-7 AVX-512's masks and registers.
  constexpr std::uint64_t kYmm = 0b110;
  constexpr std::uint64_t kZmm = kYmm | 0b1110'0000;
  const bool osxsave = bit(state.leaf1_ecx, 27);
  features.avx = osxsave && (state.xcr0 & kYmm) == kYmm && bit(state.leaf1_ecx, 28);
  features.avx2 = features.avx && bit(state.leaf7_ebx, 5);
  features.fma = features.avx && bit(state.leaf1_ecx, 12);
  features.f16c = features.avx && bit(state.leaf1_ecx, 29);
  features.avxvnni = features.avx2 && bit(state.leaf7_1_eax, 4);

  features.avx512f = features.avx2 && (state.xcr0 & kZmm) == kZmm && bit(state.leaf7_ebx, 16);
  features.avx512dq = features.avx512f && bit(state.leaf7_ebx, 17);
  features.avx512bw = features.avx512f && bit(state.leaf7_ebx, 30);
  features.avx512vl = features.avx512f && bit(state.leaf7_ebx, 31);
  features.avx512vnni = features.avx512f && bit(state.leaf7_ecx, 11);
  features.avx512fp16 = features.avx512f && bit(state.leaf7_edx, 23);
  features.intel = state.intel;
  return features;
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

std::string cpu_name() {
  std::string name;
#if defined(__x86_64__)
  // Leaves 0x80000002 to 4 hold the brand string, 16 bytes each, padded with zeros or spaces.
  std::array<char, 49> brand{};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    std::array<std::uint32_t, 4> words{};
    if (__get_cpuid(0x80000002u + leaf, &words[0], &words[1], &words[2], &words[3]) == 0) break;
    std::memcpy(brand.data() + 16 * leaf, words.data(), 16);
  }
  name = trimmed(brand.data());
#elif defined(__APPLE__)
  std::array<char, 256> brand{};
  std::size_t bytes = brand.size() - 1;
  if (sysctlbyname("machdep.cpu.brand_string", brand.data(), &bytes, nullptr, 0) == 0) name = trimmed(brand.data());
#else
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; name.empty() && std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = trimmed(line.substr(0, colon));
    if (key == "model name" || key == "Model") name = trimmed(line.substr(colon + 1));
  }
#endif
  return name.empty() ? "unknown CPU" : name;
}

}  // namespace llmagentos
