// Finds special tokens in a prompt, before the text between them is tokenised.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/token_table.h"
#include "tokenize/token_traits.h"

namespace llmagentos {

// A stretch of the prompt: one special token, or text (token is kNoToken).
struct Fragment {
  std::string_view text;
  std::int32_t token;
};

class SpecialTokens {
 public:
  // `tokens`' elements and `traits` must outlive this.
  SpecialTokens(const std::vector<std::string_view>& tokens, const std::vector<Trait>& traits);

  // Longest tokens first: each length takes its occurrences, from the left, out of the text that longer ones have left.
  // User-defined tokens are always looked for, the others where `parse_special`. For each length, linear in the text
  // whatever the tokens are: candidates are compared by the hashes of the text's prefixes.
  std::vector<Fragment> partition(std::string_view text, bool parse_special) const;

 private:
  struct Length {
    std::size_t n_bytes;
    bool user_defined;  // whether there is one among them
    std::bitset<256> first, last;
    std::uint64_t power;                                         // of the hash's base, to the length
    std::vector<std::pair<std::uint64_t, std::int32_t>> hashes;  // and their tokens, sorted
  };
  class PrefixHashes;

  void cut(const Length& length, std::string_view text, bool parse_special, PrefixHashes& hashes,
           std::vector<Fragment>& out) const;
  std::int32_t find(const Length& length, std::string_view candidate, bool parse_special, PrefixHashes& hashes) const;

  std::vector<Length> lengths_;  // descending
  const std::vector<Trait>& traits_;
  const std::string_view* tokens_;
};

}  // namespace llmagentos
