#include "tokenize/pattern.h"

#include <algorithm>

namespace llmagentos {

void CharacterSet::finish() {
  std::sort(ranges_.begin(), ranges_.end());
  for (std::uint32_t code_point = 0; code_point < 128; ++code_point) {
    if (search(code_point)) ascii_[code_point / 64] |= std::uint64_t{1} << (code_point % 64);
  }
}

bool CharacterSet::search(std::uint32_t code_point) const {
  bool found = categories_ != 0 && (unicode::categories(code_point) & categories_) != 0;
  if (!found && !ranges_.empty()) {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), std::pair{code_point, ~std::uint32_t{0}});
    found = after != ranges_.begin() && code_point <= std::prev(after)->second;
  }
  return found != negated_;
}

void Pattern::split(Text text, std::size_t begin, std::size_t end, std::vector<std::size_t>& ends) const {
  const Text piece = text.subspan(0, end);
  std::size_t done = begin;
  for (std::size_t at = begin; at < end;) {
    const std::size_t match_end = match(piece, at);
    if (match_end == kNoMatch || match_end == at) {
      at = next_start(piece, at);
      continue;
    }
    if (at > done) ends.push_back(at);
    ends.push_back(match_end);
    done = at = match_end;
  }
  if (done < end) ends.push_back(end);
}

std::size_t Pattern::match(Text text, std::size_t at) const {
  for (const Sequence& items : alternatives_) {
    const std::size_t end = match_items(items, 0, text, at);
    if (end != kNoMatch) return end;
  }
  return kNoMatch;
}

// Where to try next after a failure at `at`. A pattern that is one sequence beginning with x+ and fails at the start of
// a run of x fails inside it too; skipping the run keeps long runs linear.
std::size_t Pattern::next_start(Text text, std::size_t at) const {
  if (alternatives_.size() != 1) return at + 1;
  const Item& first = alternatives_[0][0];
  if (first.kind != Item::Kind::set || first.min != 1 || first.max != ~std::uint32_t{0}) return at + 1;
  return at + std::max<std::size_t>(1, run_length(first, text, at));
}

std::size_t Pattern::run_length(const Item& item, Text text, std::size_t at) {
  const std::size_t limit = std::min<std::size_t>(item.max, text.size() - at);
  std::size_t n = 0;
  while (n < limit && item.set.contains(text[at + n])) ++n;
  return n;
}

std::size_t Pattern::match_items(const Sequence& items, std::size_t i, Text text, std::size_t at) {
  if (i == items.size()) return at;
  switch (items[i].kind) {
    case Item::Kind::set:
      return match_set(items, i, text, at);
    case Item::Kind::group:
      return match_group(items, i, text, at);
    case Item::Kind::not_before_non_space:
      if (at < text.size() && !(unicode::categories(text[at]) & unicode::kWhiteSpace)) return kNoMatch;
      return match_items(items, i + 1, text, at);
    case Item::Kind::end:
      return at == text.size() ? match_items(items, i + 1, text, at) : kNoMatch;
  }
  return kNoMatch;
}

std::size_t Pattern::match_set(const Sequence& items, std::size_t i, Text text, std::size_t at) {
  const Item& item = items[i];
  std::size_t n = run_length(item, text, at);
  if (n < item.min) return kNoMatch;
  if (i + 1 == items.size()) return at + n;
  while (true) {
    const std::size_t end = match_items(items, i + 1, text, at + n);
    if (end != kNoMatch || n == item.min) return end;
    --n;
  }
}

std::size_t Pattern::match_group(const Sequence& items, std::size_t i, Text text, std::size_t at) {
  for (const Sequence& alternative : items[i].alternatives) {
    const std::size_t inner = match_items(alternative, 0, text, at);
    if (inner == kNoMatch) continue;
    const std::size_t end = match_items(items, i + 1, text, inner);
    if (end != kNoMatch) return end;
  }
  return items[i].min == 0 ? match_items(items, i + 1, text, at) : kNoMatch;
}

}  // namespace llmagentos
