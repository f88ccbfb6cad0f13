// How the queries of a batch are cut into the items that threads take.
#include "runtime/attention_items.h"

#include <algorithm>
#include <map>
#include <utility>

#include "check.h"
#include "kernels/attention/attention.h"

using namespace llmagentos;
using namespace llmagentos::runtime;

namespace {

constexpr int kGroup = 3, kHeads = 3;

// The items of sequences that have {first position, tokens} in a batch.
struct Planned {
  AttentionItems items{graph::Keys::earlier};
  std::vector<std::int32_t> positions, starts{0};

  Planned(const std::vector<std::pair<std::int32_t, std::int32_t>>& sequences, int n_threads) {
    for (const auto& [first, n] : sequences) {
      for (std::int32_t i = 0; i < n; ++i) positions.push_back(first + i);
      starts.push_back(static_cast<std::int32_t>(positions.size()));
    }
    RaggedBatch batch;
    batch.token_ids = positions;
    batch.positions = positions;
    batch.sequence_starts = starts;
    const graph::AttentionParams params{.n_heads = kGroup * kHeads, .n_kv_heads = kHeads, .head_dim = 64};
    items.plan({graph::AttentionStep{0, 1, 2, 3, params}}, batch, n_threads);
  }

  // Tokens of the tiles of a sequence by their first token.
  std::map<std::int32_t, std::int32_t> tiles(std::int32_t sequence) const {
    std::map<std::int32_t, std::int32_t> found;
    for (std::int64_t i = 0; i < items.size(); ++i)
      if (items[i].sequence == sequence) found[items[i].first_token] = items[i].n_tokens;
    return found;
  }
};

}  // namespace

TEST(few_rows_of_a_sequence_are_one_tile) {
  for (const std::int32_t n : {1, 5, 9, 16}) CHECK(Planned({{500, n}}, 2).tiles(0).size() == 1);
}

TEST(more_are_tiles_of_about_the_same_size_that_hold_each_token_once) {
  for (const std::int32_t n : {17, 18, 25, 100, 257}) {
    const auto tiles = Planned({{0, n}}, 2).tiles(0);
    std::int32_t next = 0, largest = 0;
    for (const auto& [first, size] : tiles) {
      CHECK(first == next);
      next += size;
      largest = std::max(largest, size);
    }
    CHECK(next == n && largest * kGroup <= 24);
    CHECK((n + largest - 1) / largest == static_cast<std::int32_t>(tiles.size()));
  }
}

TEST(a_tile_that_is_most_of_the_work_is_cut_into_spans_in_order) {
  const Planned planned({{900, 1}, {3500, 8}}, 2);
  std::int32_t next = 0;
  for (std::int64_t i = 0; i < planned.items.size(); ++i) {
    const AttentionItem& item = planned.items[i];
    if (item.sequence != 1) continue;
    CHECK(item.partial >= 0 && item.first_span == next && item.last_span == next + 1);
    next = item.last_span;
  }
  CHECK(next == (3500 + 8 + kernels::kSpan - 1) / kernels::kSpan);
  CHECK(Planned({{3500, 8}}, 1).items.size() == 1);
}

TEST_MAIN
