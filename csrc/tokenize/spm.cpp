#include "tokenize/spm.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/half.h"
#include "tokenize/unicode.h"

namespace llmagentos {
namespace {

// Maps floats to integers whose order is the reverse: the highest score has the lowest rank.
std::uint32_t rank_of(float score) {
  const std::uint32_t bits = float_to_bits(score + 0.0f);  // -0 becomes +0
  return (bits & 0x80000000u) ? bits : ~(bits | 0x80000000u);
}

std::string escape_spaces(std::string_view text, bool space_prefix) {
  std::string escaped;
  const auto n_spaces = static_cast<std::size_t>(std::count(text.begin(), text.end(), ' '));
  escaped.reserve(text.size() + 2 * n_spaces + 3);
  if (space_prefix) escaped.append(kEscapedSpace);
  for (const char c : text) {
    if (c == ' ') {
      escaped.append(kEscapedSpace);
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(const Vocabulary& vocabulary, const TokenTable& table, std::int32_t unknown)
    : table_(table) {
  if (vocabulary.scores.empty()) {
    throw ModelFormatError("a llama vocabulary without tokenizer.ggml.scores", vocabulary.path, 0);
  }
  ranks_.reserve(vocabulary.scores.size());
  for (const float score : vocabulary.scores) {
    if (std::isnan(score)) {
      throw ModelFormatError("the score of token " + std::to_string(ranks_.size()) + " is not a number",
                             vocabulary.path, 0);
    }
    ranks_.push_back(rank_of(score));
  }
  constexpr char kHex[] = "0123456789ABCDEF";
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const char name[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    const char raw = static_cast<char>(byte);
    std::int32_t token = table.find({name, sizeof name});
    if (token == kNoToken) token = table.find({&raw, 1});
    byte_tokens_[byte] = token == kNoToken ? unknown : token;
  }
}

void SentencePieceBpe::encode(std::string_view text, bool space_prefix, std::vector<std::int32_t>& out) const {
  const std::string escaped = escape_spaces(text, space_prefix);
  const std::string_view view = escaped;
  std::vector<Symbol> symbols;
  symbols.reserve(view.size());
  for (std::size_t at = 0; at < view.size();) {
    const std::size_t n = unicode::decode_utf8(view, at).n_bytes;
    const auto i = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(n), table_.find(view.substr(at, n)),
                       i - 1, at + n < view.size() ? i + 1 : -1});
    at += n;
  }
  std::vector<MergeCandidate> queue;
  merge_symbols(symbols, queue, [this, view](const Symbol& left, const Symbol& right) {
    const std::int32_t token = table_.find(view.substr(left.start, left.n_bytes + right.n_bytes));
    return token == kNoToken ? Merge{0, kNoToken} : Merge{ranks_[token], token};
  });
  for (std::int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) {
    const Symbol& symbol = symbols[i];
    if (symbol.token != kNoToken) {
      out.push_back(symbol.token);
    } else {
      append_bytes(view.substr(symbol.start, symbol.n_bytes), out);
    }
  }
}

void SentencePieceBpe::append_bytes(std::string_view bytes, std::vector<std::int32_t>& out) const {
  for (const char byte : bytes) {
    const std::int32_t token = byte_tokens_[static_cast<unsigned char>(byte)];
    if (token == kNoToken) {
      throw InvalidArgument("the text holds byte " + std::to_string(static_cast<unsigned char>(byte)) +
                            ", for which this model's vocabulary has neither a token nor an unknown token");
    }
    out.push_back(token);
  }
}

}  // namespace llmagentos
