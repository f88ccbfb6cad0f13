// Matches the regular expressions that split text before byte-level BPE.
//
// The syntax is the part of ECMAScript's that those expressions use: alternatives, (?:...) with at most a `?`, sets
// [...] and [^...] with ranges, escapes \s \r \n \p{L} \p{Lu} ... \x{10FFFF}, quantifiers ? * + {n} {m,n} on single
// sets, the look-ahead (?!\S), and a final $. Matching is leftmost, first alternative first, greedy with backtracking,
// over code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/unicode.h"

namespace llmagentos {

class CharacterSet {
 public:
  void add(std::uint32_t first, std::uint32_t last) { ranges_.emplace_back(first, last); }
  void add(unicode::Categories categories) { categories_ |= categories; }
  void negate() { negated_ = true; }
  // After the last addition and before the first look-up.
  void finish();

  bool contains(std::uint32_t code_point) const {
    if (code_point < 128) return (ascii_[code_point / 64] >> (code_point % 64)) & 1;
    return search(code_point);
  }

 private:
  bool search(std::uint32_t code_point) const;

  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges_;
  unicode::Categories categories_ = 0;
  bool negated_ = false;
  std::uint64_t ascii_[2] = {0, 0};
};

class Pattern {
 public:
  // The expression is one of ours: a fault in it is InvalidArgument.
  explicit Pattern(std::string_view expression);

  // Cuts [begin, end) of the text into its matches and the stretches between them; appends the end of each piece.
  // Look-aheads see nothing beyond `end`.
  void split(std::span<const std::uint32_t> text, std::size_t begin, std::size_t end,
             std::vector<std::size_t>& ends) const;

 private:
  friend class PatternParser;
  static constexpr std::size_t kNoMatch = static_cast<std::size_t>(-1);
  using Text = std::span<const std::uint32_t>;

  struct Item;
  using Sequence = std::vector<Item>;
  struct Item {
    enum class Kind { set, group, not_before_non_space, end } kind;
    std::uint32_t min = 1;
    std::uint32_t max = 1;
    CharacterSet set;
    std::vector<Sequence> alternatives;  // of a group
  };

  std::size_t match(Text text, std::size_t at) const;
  static std::size_t match_items(const Sequence& items, std::size_t i, Text text, std::size_t at);
  static std::size_t match_set(const Sequence& items, std::size_t i, Text text, std::size_t at);
  static std::size_t match_group(const Sequence& items, std::size_t i, Text text, std::size_t at);
  static std::size_t run_length(const Item& item, Text text, std::size_t at);
  std::size_t next_start(Text text, std::size_t at) const;

  std::vector<Sequence> alternatives_;
};

}  // namespace llmagentos
