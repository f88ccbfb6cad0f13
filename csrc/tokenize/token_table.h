// Text to token id: one flat table over views, without an allocation per token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace llmagentos {

// Seeded once per process, so that no vocabulary can be made to collide.
std::uint64_t hash_text(std::string_view text);
std::uint64_t hash_pair(std::uint32_t left, std::uint32_t right);

inline constexpr std::int32_t kNoToken = -1;

class TokenTable {
 public:
  TokenTable() = default;

  // Empty texts are left out. `tokens` must outlive the table. Returns the id of the first token whose text an earlier
  // one has, kNoToken if none: the table is then of no use.
  std::int32_t build(const std::vector<std::string_view>& tokens);

  std::int32_t find(std::string_view text) const;

  // Bytes of the longest text.
  std::size_t longest() const { return longest_; }

 private:
  struct Slot {
    std::uint32_t hash;
    std::int32_t id;
  };
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t longest_ = 0;
  const std::string_view* tokens_ = nullptr;
};

}  // namespace llmagentos
