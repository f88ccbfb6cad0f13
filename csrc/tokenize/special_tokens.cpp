#include "tokenize/special_tokens.h"

#include <algorithm>

namespace llmagentos {
namespace {

// Texts as polynomials over a base of this process, modulo a prime.
constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;

std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  const std::uint64_t folded = static_cast<std::uint64_t>(product & kPrime) + static_cast<std::uint64_t>(product >> 61);
  return folded >= kPrime ? folded - kPrime : folded;
}

std::uint64_t hash_base() {
  static const std::uint64_t base = 257 + hash_text("special tokens") % (kPrime - 257);
  return base;
}

std::uint64_t append_byte(std::uint64_t hash, char byte) {
  return (multiply(hash, hash_base()) + static_cast<unsigned char>(byte) + 1) % kPrime;
}

}  // namespace

// Hashes of the prefixes of one text, made when the first is asked for: most texts hold nothing that looks special.
class SpecialTokens::PrefixHashes {
 public:
  explicit PrefixHashes(std::string_view text) : text_(text) {}

  // Of a part of that text, in constant time.
  std::uint64_t of(std::string_view part, std::uint64_t power) {
    if (hashes_.empty()) {
      hashes_.reserve(text_.size() + 1);
      hashes_.push_back(0);
      for (const char byte : text_) hashes_.push_back(append_byte(hashes_.back(), byte));
    }
    const auto begin = static_cast<std::size_t>(part.data() - text_.data());
    const std::uint64_t taken = multiply(hashes_[begin], power), whole = hashes_[begin + part.size()];
    return whole >= taken ? whole - taken : whole + kPrime - taken;
  }

 private:
  std::string_view text_;
  std::vector<std::uint64_t> hashes_;
};

SpecialTokens::SpecialTokens(const std::vector<std::string_view>& tokens, const std::vector<Trait>& traits)
    : traits_(traits), tokens_(tokens.data()) {
  std::vector<std::int32_t> special;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if ((traits[id] & kSpecialTraits) && !tokens[id].empty()) special.push_back(static_cast<std::int32_t>(id));
  }
  std::sort(special.begin(), special.end(),
            [&](std::int32_t a, std::int32_t b) { return tokens[a].size() > tokens[b].size(); });
  for (const std::int32_t id : special) {
    const std::string_view text = tokens[id];
    if (lengths_.empty() || lengths_.back().n_bytes != text.size()) {
      lengths_.push_back({text.size(), false, {}, {}, 1, {}});
      for (std::size_t i = 0; i < text.size(); ++i)
        lengths_.back().power = multiply(lengths_.back().power, hash_base());
    }
    Length& length = lengths_.back();
    length.user_defined = length.user_defined || !(traits[id] & kHiddenTraits);
    length.first.set(static_cast<unsigned char>(text.front()));
    length.last.set(static_cast<unsigned char>(text.back()));
    std::uint64_t hash = 0;
    for (const char byte : text) hash = append_byte(hash, byte);
    length.hashes.emplace_back(hash, id);
  }
  for (Length& length : lengths_) std::sort(length.hashes.begin(), length.hashes.end());
}

std::vector<Fragment> SpecialTokens::partition(std::string_view text, bool parse_special) const {
  std::vector<Fragment> fragments, finer;
  PrefixHashes hashes(text);
  if (!text.empty()) fragments.push_back({text, kNoToken});
  for (const Length& length : lengths_) {
    if (!parse_special && !length.user_defined) continue;
    finer.clear();
    for (const Fragment& fragment : fragments) {
      if (fragment.token != kNoToken || fragment.text.size() < length.n_bytes) {
        finer.push_back(fragment);
      } else {
        cut(length, fragment.text, parse_special, hashes, finer);
      }
    }
    fragments.swap(finer);
  }
  return fragments;
}

void SpecialTokens::cut(const Length& length, std::string_view text, bool parse_special, PrefixHashes& hashes,
                        std::vector<Fragment>& out) const {
  std::size_t done = 0;
  for (std::size_t at = 0; at + length.n_bytes <= text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const auto last = static_cast<unsigned char>(text[at + length.n_bytes - 1]);
    const bool possible = length.first[first] && length.last[last];
    const std::int32_t token =
        possible ? find(length, text.substr(at, length.n_bytes), parse_special, hashes) : kNoToken;
    if (token == kNoToken) {
      ++at;
      continue;
    }
    if (at > done) out.push_back({text.substr(done, at - done), kNoToken});
    out.push_back({text.substr(at, length.n_bytes), token});
    done = at += length.n_bytes;
  }
  if (done < text.size()) out.push_back({text.substr(done), kNoToken});
}

std::int32_t SpecialTokens::find(const Length& length, std::string_view candidate, bool parse_special,
                                 PrefixHashes& hashes) const {
  const std::uint64_t hash = hashes.of(candidate, length.power);
  auto at = std::lower_bound(length.hashes.begin(), length.hashes.end(), std::pair(hash, std::int32_t{0}));
  for (; at != length.hashes.end() && at->first == hash; ++at) {
    const std::int32_t token = at->second;
    // Without parse_special, a user-defined token that is also control-like stays text.
    if (!parse_special && (traits_[token] & kHiddenTraits)) continue;
    if (tokens_[token] == candidate) return token;
  }
  return kNoToken;
}

}  // namespace llmagentos
