// How the queries of a batch are shared out among the threads, for the attentions that see one kind of keys.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "graph/plan.h"
#include "runtime/batch.h"

namespace llmagentos::runtime {

// A share of the queries that one thread takes at a time. Items of one sequence and tile with several chunks of spans
// are merged in order by whoever finishes the last.
struct AttentionItem {
  std::int32_t sequence, first_token, n_tokens;  // tokens of the batch
  std::int32_t first_position;
  std::int32_t n_keys;  // as AttentionTile has it
  std::int32_t first_span, last_span;
  std::int64_t partial;      // where its partial states begin, -1: computed in one go
  std::int32_t merge_begin;  // of a split tile: its first item,
  std::int32_t merge_end;    // and, on that one, one past its last
};

class AttentionItems {
 public:
  explicit AttentionItems(graph::Keys keys) : keys_(keys) {}

  // Of the attentions among `steps` that see these keys.
  void plan(const std::vector<graph::Step>& steps, const RaggedBatch& batch, int n_threads);

  std::int64_t size() const { return static_cast<std::int64_t>(items_.size()); }
  const AttentionItem& operator[](std::int64_t i) const { return items_[static_cast<std::size_t>(i)]; }

  // Floats that the states of all split tiles take together, for all KV heads.
  std::size_t partial_floats() const { return partial_floats_; }

  // Counts the part that one thread has finished; whether it was the last of its tile and KV head.
  bool arrives_last(const AttentionItem& item, int kv_head);

 private:
  graph::Keys keys_;
  std::vector<AttentionItem> items_;
  std::size_t partial_floats_ = 0;
  std::vector<std::atomic<std::int32_t>> arrivals_;  // [n_kv_heads][items]: parts of the tile that begins there
};

}  // namespace llmagentos::runtime
