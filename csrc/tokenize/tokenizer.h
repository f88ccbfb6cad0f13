// Text to token ids and back, from a model file's vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/byte_level_bpe.h"
#include "tokenize/special_tokens.h"
#include "tokenize/spm.h"
#include "tokenize/token_traits.h"
#include "tokenize/vocabulary.h"

namespace llmagentos {

// Immutable once built: safe from several threads.
class Tokenizer {
 public:
  // `owner` keeps what the vocabulary's views point to alive. Throws UnsupportedModelError (a model or splitting this
  // build does not have) and ModelFormatError (a vocabulary that breaks its own rules).
  Tokenizer(Vocabulary vocabulary, std::shared_ptr<const void> owner);
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  std::size_t n_vocab() const { return tokens_.size(); }
  std::optional<std::int32_t> bos_id() const { return optional_id(traits_.bos); }
  std::optional<std::int32_t> eos_id() const { return optional_id(traits_.eos); }
  std::optional<std::int32_t> pad_id() const { return optional_id(traits_.pad); }
  std::optional<std::int32_t> unk_id() const { return optional_id(traits_.unknown); }
  bool add_bos() const { return add_bos_; }
  bool add_eos() const { return add_eos_; }
  const std::vector<std::int32_t>& end_ids() const { return traits_.end_ids; }

  // add_special: BOS and EOS around the text, as the file says. parse_special: control tokens written out in the text
  // become those tokens; user-defined tokens always do. InvalidArgument for 1 GiB of text or more.
  std::vector<std::int32_t> encode(std::string_view text, bool add_special, bool parse_special) const;

  // The bytes the ids stand for, which are not UTF-8 where a character is incomplete. Control tokens are written out
  // unless skip_special. Where the tokenizer puts a space before a text, one leading space is taken off the first text
  // token; no other space is touched. InvalidArgument for an id outside the vocabulary.
  std::string decode(std::span<const std::int64_t> ids, bool skip_special) const;

  // The bytes one token adds in the middle of a text.
  std::string token_bytes(std::int64_t id) const;

  // The vocabulary's entry as it stands in the file.
  std::string_view token_text(std::int64_t id) const { return tokens_[checked(id)]; }

  // Control and unknown tokens: not part of the text a model writes.
  bool is_special(std::int64_t id) const { return (traits_.of[checked(id)] & kHiddenTraits) != 0; }

 private:
  static std::optional<std::int32_t> optional_id(std::int32_t id) {
    return id == kNoToken ? std::nullopt : std::optional(id);
  }
  std::size_t checked(std::int64_t id) const;
  void check_counts(const Vocabulary& vocabulary) const;
  void append_bytes(std::size_t id, std::string& out) const;

  std::shared_ptr<const void> owner_;
  std::vector<std::string_view> tokens_;
  TokenTable table_;
  TokenTraits traits_;
  std::optional<SpecialTokens> special_;
  std::optional<ByteLevelBpe> bpe_;  // one of the two
  std::optional<SentencePieceBpe> spm_;
  bool add_bos_ = false;
  bool add_eos_ = false;
  bool space_prefix_ = false;
};

}  // namespace llmagentos
