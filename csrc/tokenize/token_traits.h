// What each token is (normal text, control, byte ...) and which tokens end a generation, from the file's types and
// roles, and from the texts that model families are known to use.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenize/token_table.h"
#include "tokenize/vocabulary.h"

namespace llmagentos {

// One bit each; a token can have several.
using Trait = std::uint8_t;
inline constexpr Trait kUnknownTrait = 1, kControlTrait = 2, kUserDefinedTrait = 4, kByteTrait = 8;

// Control-like: not part of the text a model writes.
inline constexpr Trait kHiddenTraits = kUnknownTrait | kControlTrait;
// Found in prompts before any splitting.
inline constexpr Trait kSpecialTraits = kHiddenTraits | kUserDefinedTrait;

struct TokenTraits {
  std::vector<Trait> of;              // by token id
  std::vector<std::int32_t> end_ids;  // ascending
  std::int32_t bos = kNoToken, eos = kNoToken, pad = kNoToken, unknown = kNoToken;
};

// Follows llama.cpp, except that ids the file does not name stay unset for BPE (llama.cpp takes 11 for BOS and EOS).
// Throws ModelFormatError for a role outside the vocabulary, a type count that is not the token count, and a byte token
// that is not written <0xXX>.
TokenTraits read_token_traits(const Vocabulary& vocabulary, const TokenTable& table);

}  // namespace llmagentos
