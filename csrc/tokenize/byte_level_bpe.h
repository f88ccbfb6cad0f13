// Byte-level byte-pair encoding (GPT-2's) of text without special tokens.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenize/pre_tokenizers.h"
#include "tokenize/symbol_merge.h"
#include "tokenize/token_table.h"
#include "tokenize/vocabulary.h"

namespace llmagentos {

class ByteLevelBpe {
 public:
  // Reads model, pre and merges; the views in `vocabulary.tokens` and `table` must outlive this. Throws
  // UnsupportedModelError (pre), ModelFormatError (no merges, or one whose parts or whole are not tokens).
  ByteLevelBpe(const Vocabulary& vocabulary, const TokenTable& table);

  // Appends the tokens of `text` (under 2 GiB). Bytes that are not UTF-8 count as U+FFFD for the splitting and stay the
  // bytes they are. A byte for which the vocabulary has no token is left out, as in the models' own tokenizers.
  void encode(std::string_view text, std::vector<std::int32_t>& out) const;

  // Where the file does not say.
  bool add_bos_by_default() const { return pre_tokenizer_.add_bos; }

 private:
  struct MergeSlot {
    std::uint32_t left, right;
    std::uint32_t rank;
    std::int32_t token;  // kNoToken: an empty slot
  };
  struct Scratch;

  void read_merges(const Vocabulary& vocabulary);
  void add_merge(std::uint32_t left, std::uint32_t right, std::uint32_t rank, std::int32_t token);
  Merge find_merge(const Symbol& left, const Symbol& right) const;
  void encode_word(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& out) const;

  const TokenTable& table_;
  PreTokenizer pre_tokenizer_;
  std::array<std::int32_t, 256> byte_tokens_;
  std::vector<MergeSlot> merges_;
  std::size_t merge_mask_ = 0;
};

}  // namespace llmagentos
