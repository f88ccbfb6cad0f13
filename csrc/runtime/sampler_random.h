// Random numbers without state: Philox4x32-10, a counter put through ten keyed rounds (Salmon et al. 2011, "Parallel
// Random Numbers: As Easy as 1, 2, 3"). A token's number depends on (seed, token index) alone.
#pragma once

#include <array>
#include <cstdint>

namespace llmagentos {

inline std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// Uniform in [0, 1), a multiple of 2^-53.
inline double uniform_for_token(std::uint64_t seed, std::uint64_t token_index) {
  const auto words =
      philox4x32_10({static_cast<std::uint32_t>(token_index), static_cast<std::uint32_t>(token_index >> 32), 0, 0},
                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  const std::uint64_t bits = (static_cast<std::uint64_t>(words[0]) << 32 | words[1]) >> 11;
  return static_cast<double>(bits) * 0x1.0p-53;
}

}  // namespace llmagentos
