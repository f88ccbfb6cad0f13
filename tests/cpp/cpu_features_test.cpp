#include "base/cpu_features.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "check.h"

using llmagentos::CpuFeatures;
using llmagentos::CpuidState;
using llmagentos::features_from_cpuid;

namespace {

constexpr std::uint32_t kAll = 0xffffffffu;
constexpr std::uint64_t kXmm = 0b10;
constexpr std::uint64_t kYmm = 0b110;
constexpr std::uint64_t kZmm = 0b1110'0110;

CpuidState everything(std::uint64_t xcr0) { return {kAll, kAll, kAll, kAll, kAll, xcr0, true}; }

bool any_avx(const CpuFeatures& f) { return f.avx || f.avx2 || f.fma || f.f16c || f.avxvnni; }

bool any_avx512(const CpuFeatures& f) {
  return f.avx512f || f.avx512bw || f.avx512dq || f.avx512vl || f.avx512vnni || f.avx512fp16;
}

bool all_avx512(const CpuFeatures& f) {
  return f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl && f.avx512vnni && f.avx512fp16;
}

}  // namespace

TEST(registers_the_os_does_not_save_rule_their_instructions_out) {
  const CpuFeatures sse_only = features_from_cpuid(everything(kXmm));
  CHECK(sse_only.x86_64_v2() && sse_only.bmi2);
  CHECK(!any_avx(sse_only) && !any_avx512(sse_only));

  const CpuFeatures ymm = features_from_cpuid(everything(kYmm));
  CHECK(ymm.avx && ymm.avx2 && ymm.fma && ymm.f16c && ymm.avxvnni);
  CHECK(!any_avx512(ymm));

  CHECK(all_avx512(features_from_cpuid(everything(kZmm))));
  // Any one of AVX-512's three pieces of state missing rules all of it out; so does YMM's.
  for (const int bit : {1, 2, 5, 6, 7}) {
    CHECK(!any_avx512(features_from_cpuid(everything(kZmm & ~(std::uint64_t{1} << bit)))));
  }
}

TEST(without_osxsave_the_saved_state_is_not_believed) {
  CpuidState state = everything(kZmm);
  state.leaf1_ecx &= ~(1u << 27);
  CHECK(!any_avx(features_from_cpuid(state)) && !any_avx512(features_from_cpuid(state)));
}

TEST(a_missing_base_rules_its_extensions_out) {
  CpuidState state = everything(kZmm);
  state.leaf7_ebx &= ~(1u << 16);  // AVX-512F
  CHECK(!any_avx512(features_from_cpuid(state)));
  state.leaf1_ecx &= ~(1u << 28);  // AVX
  CHECK(!any_avx(features_from_cpuid(state)));
}

TEST(a_processor_without_anything_has_nothing) {
  const CpuFeatures none = features_from_cpuid({0, 0, 0, 0, 0, kZmm, false});
  CHECK(!none.x86_64_v2() && !any_avx(none) && !any_avx512(none));
}

#if defined(__linux__)
TEST(features_agree_with_the_kernels_list) {
  // By this architecture's name for it: an emulator may show the machine underneath, whose list says nothing here.
#if defined(__x86_64__)
  const std::string list = "flags";
#else
  const std::string list = "Features";
#endif
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> flags;
  std::string model_name;
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    if (key == list) {
      std::istringstream words(line.substr(colon + 1));
      for (std::string word; words >> word;) flags.insert(word);
      break;
    }
    if (key == "model name" && colon + 2 <= line.size()) model_name = line.substr(colon + 2);
  }
  if (flags.empty()) return;  // /proc is not mounted here, or not this processor's
  const CpuFeatures& f = llmagentos::cpu_features();
  const std::vector<std::pair<const char*, bool>> expected = {
#if defined(__x86_64__)
      {"ssse3", f.ssse3},       {"sse4_1", f.sse4_1},
      {"sse4_2", f.sse4_2},     {"popcnt", f.popcnt},
      {"avx", f.avx},           {"avx2", f.avx2},
      {"fma", f.fma},           {"f16c", f.f16c},
      {"bmi2", f.bmi2},         {"avx512f", f.avx512f},
      {"avx512bw", f.avx512bw}, {"avx512dq", f.avx512dq},
      {"avx512vl", f.avx512vl}, {"avx512_vnni", f.avx512vnni},
      {"avx_vnni", f.avxvnni},
#elif defined(__aarch64__)
      {"asimd", f.neon},
      {"asimddp", f.dotprod},
      {"asimdhp", f.fp16},
#endif
  };
  for (const auto& [name, found] : expected) {
    if (found != (flags.count(name) != 0)) {
      std::fprintf(stderr, "%s: detected %d, listed %d\n", name, found, !found);
      CHECK(false);
    }
  }
#if defined(__x86_64__)
  CHECK(llmagentos::cpu_name() == model_name);
#endif
}
#endif

TEST(the_name_is_never_empty) { CHECK(!llmagentos::cpu_name().empty()); }

TEST_MAIN
