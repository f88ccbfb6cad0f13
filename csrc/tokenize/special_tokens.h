// Finds special tokens in a prompt, before the text between them is tokenised.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
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
  // `traits` and `table` must outlive this.
  SpecialTokens(const std::vector<std::string_view>& tokens, const std::vector<Trait>& traits, const TokenTable& table);

  // Longest tokens first: each length takes its occurrences, from the left, out of the text that longer ones have left.
  // User-defined tokens are always looked for, the others where `parse_special`. Linear in the text for each length.
  std::vector<Fragment> partition(std::string_view text, bool parse_special) const;

 private:
  struct Length {
    std::size_t n_bytes;
    bool user_defined;  // whether there is one among them
    std::bitset<256> first, last;
  };

  void cut(const Length& length, std::string_view text, Trait wanted, std::vector<Fragment>& out) const;

  std::vector<Length> lengths_;  // descending
  const std::vector<Trait>& traits_;
  const TokenTable& table_;
};

}  // namespace llmagentos
