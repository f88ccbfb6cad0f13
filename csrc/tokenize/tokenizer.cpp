#include "tokenize/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tokenize/byte_alphabet.h"
#include "tokenize/unicode.h"

namespace llmagentos {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 30;  // spaces may take three bytes, and positions are 32 bits

int hex_value(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

void append_unescaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(kEscapedSpace), text.size());
    out.append(text.substr(0, space));
    if (space == text.size()) return;
    out.push_back(' ');
    text.remove_prefix(space + kEscapedSpace.size());
  }
}

// Characters outside the alphabet (an entry that is not byte-level) stand for themselves.
void append_alphabet_bytes(std::string_view text, std::string& out) {
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded decoded = unicode::decode_utf8(text, at);
    const int byte = decoded.code_point < kAlphabetByte.size() ? kAlphabetByte[decoded.code_point] : -1;
    if (byte >= 0) {
      out.push_back(static_cast<char>(byte));
    } else {
      out.append(text.substr(at, decoded.n_bytes));
    }
    at += decoded.n_bytes;
  }
}

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary, std::shared_ptr<const void> owner) : owner_(std::move(owner)) {
  const bool spm = vocabulary.model == "llama";
  if (!spm && vocabulary.model != "gpt2") {
    throw UnsupportedModelError("the file's tokenizer is '" + std::string(vocabulary.model) +
                                "' (tokenizer.ggml.model); this build has gpt2 and llama");
  }
  check_counts(vocabulary);
  const std::int32_t duplicate = table_.build(vocabulary.tokens);
  if (duplicate != kNoToken) {
    const std::string_view text = vocabulary.tokens[duplicate];
    throw ModelFormatError(
        "token " + std::to_string(duplicate) + " has the text of token " + std::to_string(table_.find(text)),
        vocabulary.path, vocabulary.offset_of(text.data()));
  }
  traits_ = read_token_traits(vocabulary, table_);
  special_.emplace(vocabulary.tokens, traits_.of);
  if (spm) {
    spm_.emplace(vocabulary, table_, traits_.unknown);
  } else {
    bpe_.emplace(vocabulary, table_);
  }
  add_bos_ = vocabulary.add_bos.value_or(spm || bpe_->add_bos_by_default());
  add_eos_ = vocabulary.add_eos.value_or(false);
  space_prefix_ = vocabulary.add_space_prefix.value_or(true) && spm;
  if ((add_bos_ && traits_.bos == kNoToken) || (add_eos_ && traits_.eos == kNoToken)) {
    throw ModelFormatError("the tokenizer adds a BOS or EOS token, and the file names none", vocabulary.path, 0);
  }
  tokens_ = std::move(vocabulary.tokens);  // keeps the elements where the table looks for them
}

void Tokenizer::check_counts(const Vocabulary& vocabulary) const {
  const std::size_t n = vocabulary.tokens.size();
  if (n == 0) throw ModelFormatError("tokenizer.ggml.tokens is missing or empty", vocabulary.path, 0);
  if (n > 0x7FFFFFFF) throw ModelFormatError("more tokens than ids", vocabulary.path, 0);
  if (!vocabulary.scores.empty() && vocabulary.scores.size() != n) {
    throw ModelFormatError("tokenizer.ggml.scores has " + std::to_string(vocabulary.scores.size()) + " entries for " +
                               std::to_string(n) + " tokens",
                           vocabulary.path, 0);
  }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special, bool parse_special) const {
  if (text.size() >= kMaxText) {
    throw InvalidArgument("the text has " + std::to_string(text.size()) + " bytes; at most " +
                          std::to_string(kMaxText - 1) + " can be tokenised at once");
  }
  std::vector<std::int32_t> ids;
  if (add_special && add_bos_) ids.push_back(traits_.bos);
  bool after_special = true;
  for (const Fragment& fragment : special_->partition(text, parse_special)) {
    const bool is_text = fragment.token == kNoToken;
    if (!is_text) {
      ids.push_back(fragment.token);
    } else if (spm_) {
      spm_->encode(fragment.text, space_prefix_ && after_special, ids);
    } else {
      bpe_->encode(fragment.text, ids);
    }
    after_special = !is_text;
  }
  if (add_special && add_eos_) ids.push_back(traits_.eos);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string out;
  bool at_start = space_prefix_;
  for (const std::int64_t id : ids) {
    const std::size_t token = checked(id);
    const bool special = (traits_.of[token] & kSpecialTraits) != 0;
    if (skip_special && (traits_.of[token] & kHiddenTraits)) continue;
    const std::size_t begin = out.size();
    append_bytes(token, out);
    if (special || !at_start) continue;
    if (out.size() > begin && out[begin] == ' ') out.erase(begin, 1);
    at_start = false;
  }
  return out;
}

std::string Tokenizer::token_bytes(std::int64_t id) const {
  std::string out;
  append_bytes(checked(id), out);
  return out;
}

std::size_t Tokenizer::checked(std::int64_t id) const {
  if (id < 0 || id >= static_cast<std::int64_t>(tokens_.size())) {
    throw InvalidArgument("token id " + std::to_string(id) + " is not in 0.." + std::to_string(tokens_.size() - 1));
  }
  return static_cast<std::size_t>(id);
}

void Tokenizer::append_bytes(std::size_t id, std::string& out) const {
  const std::string_view text = tokens_[id];
  if (traits_.of[id] & kSpecialTraits) {
    out.append(text);
  } else if (traits_.of[id] & kByteTrait) {
    out.push_back(static_cast<char>(hex_value(text[3]) * 16 + hex_value(text[4])));
  } else if (spm_) {
    append_unescaped(text, out);
  } else {
    append_alphabet_bytes(text, out);
  }
}

}  // namespace llmagentos
