#include "tokenize/token_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

namespace llmagentos {
namespace {

std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return seed;
}

// The two halves of a 128-bit product, folded: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Up to 8 bytes as a number that tells texts of equal length apart.
std::uint64_t load_tail(std::string_view text) {
  const std::size_t n = text.size();
  if (n >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, text.data(), 4);
    std::memcpy(&last, text.data() + n - 4, 4);
    return (std::uint64_t{last} << 32) | first;
  }
  if (n == 0) return 0;
  const auto byte = [text](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])); };
  return byte(0) | (byte(n / 2) << 8) | (byte(n - 1) << 16);
}

constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15, kSecond = 0xD6E8FEB86659FD93;

}  // namespace

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = process_seed() ^ (text.size() * kFirst);
  while (text.size() > 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = mix(hash ^ word, kSecond);
    text.remove_prefix(8);
  }
  return mix(hash ^ load_tail(text), kSecond);
}

std::uint64_t hash_pair(std::uint32_t left, std::uint32_t right) {
  return mix(process_seed() ^ ((std::uint64_t{left} << 32) | right), kSecond);
}

std::int32_t TokenTable::build(const std::vector<std::string_view>& tokens) {
  const auto n = static_cast<std::size_t>(
      std::count_if(tokens.begin(), tokens.end(), [](std::string_view text) { return !text.empty(); }));
  slots_.assign(std::bit_ceil(n + n / 4 + 2), Slot{0, kNoToken});
  mask_ = slots_.size() - 1;
  tokens_ = tokens.data();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view text = tokens[id];
    if (text.empty()) continue;
    longest_ = std::max(longest_, text.size());
    const std::uint64_t hash = hash_text(text);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    std::size_t slot = hash & mask_;
    for (; slots_[slot].id != kNoToken; slot = (slot + 1) & mask_) {
      if (slots_[slot].hash == tag && tokens[slots_[slot].id] == text) return static_cast<std::int32_t>(id);
    }
    slots_[slot] = {tag, static_cast<std::int32_t>(id)};
  }
  return kNoToken;
}

std::int32_t TokenTable::find(std::string_view text) const {
  if (text.empty() || text.size() > longest_) return kNoToken;
  const std::uint64_t hash = hash_text(text);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t slot = hash & mask_; slots_[slot].id != kNoToken; slot = (slot + 1) & mask_) {
    if (slots_[slot].hash == tag && tokens_[slots_[slot].id] == text) return slots_[slot].id;
  }
  return kNoToken;
}

}  // namespace llmagentos
