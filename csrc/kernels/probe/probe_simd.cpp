#include "kernels/probe/probe.h"
#include "kernels/simd/isa_name.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace simd;

namespace {

// More chains than latency times units (5 * 2 at most), so that no multiply-add waits for another.
constexpr int kChains = 10;
constexpr int kUnroll = 8;

float probe_fma(std::uint64_t rounds) {
  F32 chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = set1(static_cast<float>(i));
  const F32 factor = set1(0.999f), step = set1(0.001f);
  for (std::uint64_t round = 0; round < rounds; ++round)
    for (int u = 0; u < kUnroll; ++u)
      for (int i = 0; i < kChains; ++i) chains[i] = fma(chains[i], factor, step);
  F32 sum = chains[0];
  for (int i = 1; i < kChains; ++i) sum = add(sum, chains[i]);
  return reduce_add(sum);
}

constexpr int kTiles = 4;   // independent sums
constexpr int kGroups = 8;  // of 4 activations: one block of 32

std::int32_t probe_dot(std::uint64_t rounds) {
  alignas(64) std::uint8_t weights[4 * kLanes];
  for (int i = 0; i < 4 * kLanes; ++i) weights[i] = static_cast<std::uint8_t>(i % 16);
  std::int8_t activations[kTiles][4 * kGroups];
  for (auto& row : activations)
    for (int i = 0; i < 4 * kGroups; ++i) row[i] = static_cast<std::int8_t>(i - 16);
  U8 w[kGroups];
  for (U8& group : w) group = load_u8(weights);
  I32 sums[kTiles];
  for (I32& sum : sums) sum = set1_i32(0);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    // The activations may have changed, for all the compiler knows: without this it would compute the products once.
    asm volatile("" : : "r"(activations) : "memory");
    for (int t = 0; t < kTiles; ++t) sums[t] = add_i32(sums[t], dot<4, 0, kGroups>(w, activations[t], 0));
  }
  I32 sum = sums[0];
  for (int t = 1; t < kTiles; ++t) sum = add_i32(sum, sums[t]);
  return reduce_add_i32(sum);
}

float probe_read(const float* data, std::size_t n) {
  constexpr int kLoads = kernels::kReadStep / kLanes < 8 ? kernels::kReadStep / kLanes : 8;
  F32 most[kLoads];
  for (F32& m : most) m = zero();
  for (std::size_t i = 0; i < n; i += kLoads * kLanes)
    for (int j = 0; j < kLoads; ++j) most[j] = max(most[j], load(data + i + static_cast<std::size_t>(j * kLanes)));
  F32 result = most[0];
  for (int j = 1; j < kLoads; ++j) result = max(result, most[j]);
  return reduce_max(result);
}

}  // namespace

extern const kernels::ProbeKernels kProbe;
const kernels::ProbeKernels kProbe = {
    LLMAGENTOS_ISA_NAME,
    probe_fma,
    std::uint64_t{2} * kChains * kUnroll * kLanes,
    probe_dot,
    std::uint64_t{2} * kTiles * kGroups * 4 * kLanes,
    probe_read,
};

}  // namespace llmagentos::LLMAGENTOS_ISA
