// SentencePiece BPE ("llama" in GGUF files) of text without special tokens: merges in the order of the tokens' scores,
// bytes for what no token covers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenize/symbol_merge.h"
#include "tokenize/token_table.h"
#include "tokenize/vocabulary.h"

namespace llmagentos {

// U+2581, which stands for a space inside tokens.
inline constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";

class SentencePieceBpe {
 public:
  // `unknown` stands for bytes that have no token of their own; kNoToken if there is none. `table` must outlive this.
  // Throws ModelFormatError for missing scores or one that is not a number.
  SentencePieceBpe(const Vocabulary& vocabulary, const TokenTable& table, std::int32_t unknown);

  // Appends the tokens of `text` (under 1 GiB), with a space before it if asked for. Throws InvalidArgument for a byte
  // that the vocabulary cannot express at all.
  void encode(std::string_view text, bool space_prefix, std::vector<std::int32_t>& out) const;

 private:
  void append_bytes(std::string_view bytes, std::vector<std::int32_t>& out) const;

  const TokenTable& table_;
  std::vector<std::uint32_t> ranks_;  // by token: the order of merges, lower first
  std::array<std::int32_t, 256> byte_tokens_;
};

}  // namespace llmagentos
