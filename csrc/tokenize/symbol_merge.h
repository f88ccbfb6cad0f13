// The merging loop that byte-level BPE and SPM share: adjacent symbols are joined, best pair first, until none can be.
// n log n in the symbols: a queue of pairs, a doubly linked list of symbols, stale pairs dropped when they surface.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace llmagentos {

struct Symbol {
  std::uint32_t start;          // byte in the text
  std::uint32_t n_bytes;        // 0: joined to a symbol on its left
  std::int32_t token;           // kNoToken where no token has this text
  std::int32_t previous, next;  // -1 at the ends
};

// A pair's token, and its place in the order: lower is joined earlier, then leftmost first.
struct Merge {
  std::uint32_t rank;
  std::int32_t token;  // kNoToken: the pair cannot be joined
};

struct MergeCandidate {
  std::uint64_t order;  // rank, then left
  std::uint32_t right;
  std::uint32_t n_bytes;  // of both
  std::int32_t token;
};

// Joins what `find(left, right) -> Merge` allows. Afterwards the result is the list from symbols[0] along `next`.
// `queue` is scratch memory.
template <typename FindMerge>
void merge_symbols(std::vector<Symbol>& symbols, std::vector<MergeCandidate>& queue, FindMerge find) {
  const auto later = [](const MergeCandidate& a, const MergeCandidate& b) { return a.order > b.order; };
  const auto candidate = [&](std::int32_t left, std::int32_t right, MergeCandidate& out) {
    if (left < 0 || right < 0) return false;
    const Merge merge = find(symbols[left], symbols[right]);
    if (merge.token < 0) return false;
    out = {(std::uint64_t{merge.rank} << 32) | static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right),
           symbols[left].n_bytes + symbols[right].n_bytes, merge.token};
    return true;
  };
  const auto push = [&](std::int32_t left, std::int32_t right) {
    MergeCandidate added;
    if (!candidate(left, right, added)) return;
    queue.push_back(added);
    std::push_heap(queue.begin(), queue.end(), later);
  };

  queue.clear();
  MergeCandidate first;
  for (std::size_t i = 1; i < symbols.size(); ++i) {
    const auto right = static_cast<std::int32_t>(i);
    if (candidate(right - 1, right, first)) queue.push_back(first);
  }
  std::make_heap(queue.begin(), queue.end(), later);

  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), later);
    const MergeCandidate best = queue.back();
    queue.pop_back();
    const auto left_index = static_cast<std::int32_t>(best.order & 0xFFFFFFFF);
    Symbol& left = symbols[left_index];
    Symbol& right = symbols[best.right];
    // Symbols only grow: the same total means that neither has changed since the pair was queued.
    if (left.n_bytes == 0 || right.n_bytes == 0 || left.n_bytes + right.n_bytes != best.n_bytes) continue;
    left.n_bytes = best.n_bytes;
    left.token = best.token;
    left.next = right.next;
    right.n_bytes = 0;
    if (left.next >= 0) symbols[left.next].previous = left_index;
    push(left.previous, left_index);
    push(left_index, left.next);
  }
}

}  // namespace llmagentos
