#include "tokenize/byte_level_bpe.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/error.h"
#include "tokenize/byte_alphabet.h"
#include "tokenize/unicode.h"

namespace llmagentos {

struct ByteLevelBpe::Scratch {
  std::vector<Symbol> symbols;
  std::vector<MergeCandidate> queue;
  std::string characters;
};

ByteLevelBpe::ByteLevelBpe(const Vocabulary& vocabulary, const TokenTable& table)
    : table_(table), pre_tokenizer_(find_pre_tokenizer(vocabulary.pre)) {
  std::string character;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    character.clear();
    unicode::append_utf8(character, kByteAlphabet[byte]);
    byte_tokens_[byte] = table.find(character);
  }
  read_merges(vocabulary);
}

void ByteLevelBpe::read_merges(const Vocabulary& vocabulary) {
  const std::vector<std::string_view>& merges = vocabulary.merges;
  if (merges.empty()) throw ModelFormatError("a gpt2 vocabulary without tokenizer.ggml.merges", vocabulary.path, 0);
  // A token of n bytes can be made in n - 1 ways: a file that lists more merges repeats some, which take no room.
  std::size_t n_ways = 0;
  for (const std::string_view token : vocabulary.tokens) n_ways += token.empty() ? 0 : token.size() - 1;
  const std::size_t n = std::min(merges.size(), n_ways);
  merges_.assign(std::bit_ceil(n + n / 4 + 2), MergeSlot{0, 0, 0, kNoToken});
  merge_mask_ = merges_.size() - 1;
  std::string whole;
  // Vocabularies list the tokens that merges make in the order of the merges: the next one is nearly always right, and
  // saves the dearest look-up.
  auto find_whole = [&, next = std::size_t{0}]() mutable {
    const bool guessed = next < vocabulary.tokens.size() && vocabulary.tokens[next] == whole;
    const std::int32_t token = guessed ? static_cast<std::int32_t>(next) : table_.find(whole);
    next = static_cast<std::size_t>(token) + 1;
    return token;
  };
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view line = merges[rank];
    const std::size_t space = line.find(' ', 1);
    const std::string_view left = line.substr(0, space);
    const std::string_view right = space == line.npos ? std::string_view() : line.substr(space + 1);
    whole.assign(left).append(right);
    const std::int32_t left_token = table_.find(left), right_token = table_.find(right), token = find_whole();
    if (left_token < 0 || right_token < 0 || token < 0) {
      throw ModelFormatError("merge " + std::to_string(rank) + " does not join two tokens of the vocabulary to a third",
                             vocabulary.path, vocabulary.offset_of(line.data()));
    }
    add_merge(static_cast<std::uint32_t>(left_token), static_cast<std::uint32_t>(right_token),
              static_cast<std::uint32_t>(rank), token);
  }
}

void ByteLevelBpe::add_merge(std::uint32_t left, std::uint32_t right, std::uint32_t rank, std::int32_t token) {
  std::size_t slot = hash_pair(left, right) & merge_mask_;
  for (; merges_[slot].token != kNoToken; slot = (slot + 1) & merge_mask_) {
    if (merges_[slot].left == left && merges_[slot].right == right) return;  // the first of two counts
  }
  merges_[slot] = {left, right, rank, token};
}

Merge ByteLevelBpe::find_merge(const Symbol& left, const Symbol& right) const {
  if (left.token < 0 || right.token < 0) return {0, kNoToken};
  const auto left_token = static_cast<std::uint32_t>(left.token), right_token = static_cast<std::uint32_t>(right.token);
  std::size_t slot = hash_pair(left_token, right_token) & merge_mask_;
  for (; merges_[slot].token != kNoToken; slot = (slot + 1) & merge_mask_) {
    if (merges_[slot].left == left_token && merges_[slot].right == right_token) break;
  }
  return {merges_[slot].rank, merges_[slot].token};
}

void ByteLevelBpe::encode(std::string_view text, std::vector<std::int32_t>& out) const {
  std::vector<std::uint32_t> code_points, starts;
  code_points.reserve(text.size());
  starts.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded decoded = unicode::decode_utf8(text, at);
    code_points.push_back(decoded.code_point);
    starts.push_back(static_cast<std::uint32_t>(at));
    at += decoded.n_bytes;
  }
  starts.push_back(static_cast<std::uint32_t>(text.size()));

  std::vector<std::size_t> ends{code_points.size()}, finer;
  for (const Pattern& pattern : pre_tokenizer_.patterns) {
    finer.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      pattern.split(code_points, begin, end, finer);
      begin = end;
    }
    ends.swap(finer);
  }

  Scratch scratch;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    encode_word(text.substr(starts[begin], starts[end] - starts[begin]), scratch, out);
    begin = end;
  }
}

void ByteLevelBpe::encode_word(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& out) const {
  if (pre_tokenizer_.ignore_merges) {
    scratch.characters.clear();
    for (const char byte : word)
      unicode::append_utf8(scratch.characters, kByteAlphabet[static_cast<unsigned char>(byte)]);
    const std::int32_t token = table_.find(scratch.characters);
    if (token != kNoToken) return out.push_back(token);
  }
  std::vector<Symbol>& symbols = scratch.symbols;
  symbols.clear();
  const auto n = static_cast<std::int32_t>(word.size());
  for (std::int32_t i = 0; i < n; ++i) {
    const std::int32_t token = byte_tokens_[static_cast<unsigned char>(word[i])];
    symbols.push_back({static_cast<std::uint32_t>(i), 1, token, i - 1, i + 1 < n ? i + 1 : -1});
  }
  merge_symbols(symbols, scratch.queue,
                [this](const Symbol& left, const Symbol& right) { return find_merge(left, right); });
  for (std::int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) {
    if (symbols[i].token != kNoToken) out.push_back(symbols[i].token);
  }
}

}  // namespace llmagentos
