// The probes of plain C++, and the choice among all.
#include "kernels/isa_tables.h"
#include "kernels/probe/probe.h"
#include "kernels/registry.h"

namespace llmagentos {

namespace kernels {
namespace {

constexpr int kChains = 8;

float probe_fma(std::uint64_t rounds) {
  float chains[kChains] = {0, 1, 2, 3, 4, 5, 6, 7};
  for (std::uint64_t round = 0; round < rounds; ++round)
    for (float& chain : chains) chain = chain * 0.999f + 0.001f;
  float sum = 0;
  for (const float chain : chains) sum += chain;
  return sum;
}

std::int32_t probe_dot(std::uint64_t rounds) {
  std::uint8_t weights[32];
  std::int8_t activations[32];
  for (int i = 0; i < 32; ++i) {
    weights[i] = static_cast<std::uint8_t>(i % 16);
    activations[i] = static_cast<std::int8_t>(i - 16);
  }
  std::uint32_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : : "r"(activations), "r"(weights) : "memory");
    for (int i = 0; i < 32; ++i) sum += static_cast<std::uint32_t>(weights[i] * activations[i]);
  }
  return static_cast<std::int32_t>(sum);
}

float probe_read(const float* data, std::size_t n) {
  float most[8] = {};
  for (std::size_t i = 0; i < n; i += 8)
    for (std::size_t j = 0; j < 8; ++j) most[j] = data[i + j] > most[j] ? data[i + j] : most[j];
  float result = 0;
  for (const float m : most) result = m > result ? m : result;
  return result;
}

constexpr ProbeKernels kReference = {"reference", probe_fma, 2 * kChains, probe_dot, 64, probe_read};

}  // namespace

const ProbeKernels& probe_kernels(std::string_view isa) {
  const KernelSet chosen = select_kernels(isa);
#if defined(__x86_64__)
  for (const ProbeKernels* probe :
       {&sse4::kProbe, &avx2::kProbe, &avxvnni::kProbe, &avx512::kProbe, &avx512vnni::kProbe})
    if (chosen.isa() == probe->isa) return *probe;
#elif defined(__aarch64__)
  for (const ProbeKernels* probe : {&neon::kProbe, &neondot::kProbe})
    if (chosen.isa() == probe->isa) return *probe;
#endif
  return kReference;
}

}  // namespace kernels
}  // namespace llmagentos
