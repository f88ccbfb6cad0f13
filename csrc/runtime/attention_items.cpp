#include "runtime/attention_items.h"

#include <algorithm>

#include "kernels/attention/attention.h"

namespace llmagentos::runtime {
namespace {

constexpr std::int64_t kQueryRows = 24;                     // query rows an item aims at
constexpr std::int64_t kFewRows = 48;                       // of a sequence: they read its keys together
constexpr std::size_t kMaxPartials = std::size_t{4} << 20;  // floats that split attention may hold

// The largest of the attentions concerned.
struct Shape {
  std::int64_t n_kv_heads = 0, group = 1, state_floats = 0;
};

Shape shape_of(const std::vector<graph::Step>& steps, graph::Keys keys) {
  Shape shape;
  for (const graph::Step& step : steps) {
    const auto* attention = std::get_if<graph::AttentionStep>(&step);
    if (!attention || attention->q == graph::kNone || attention->params.keys != keys) continue;
    const graph::AttentionParams& p = attention->params;
    shape.n_kv_heads = std::max<std::int64_t>(shape.n_kv_heads, p.n_kv_heads);
    shape.group = std::max<std::int64_t>(shape.group, p.n_heads / p.n_kv_heads);
    shape.state_floats =
        std::max<std::int64_t>(shape.state_floats, static_cast<std::int64_t>(p.n_heads) * (p.head_dim + 2));
  }
  return shape;
}

std::int32_t spans_of(std::int32_t n_keys) { return (n_keys + kernels::kSpan - 1) / kernels::kSpan; }

// Tokens of each tile of a sequence that has `n` in the batch: tiles of about the same size.
std::int32_t tile_tokens_of(std::int64_t n, std::int64_t group) {
  if (n * group <= kFewRows) return static_cast<std::int32_t>(n);
  const std::int64_t most = std::max<std::int64_t>(1, kQueryRows / group), n_tiles = (n + most - 1) / most;
  return static_cast<std::int32_t>((n + n_tiles - 1) / n_tiles);
}

}  // namespace

void AttentionItems::plan(const std::vector<graph::Step>& steps, const RaggedBatch& batch, int n_threads) {
  items_.clear();
  partial_floats_ = 0;
  const Shape shape = shape_of(steps, keys_);
  if (shape.n_kv_heads == 0) return;
  const auto begin_of = [&](std::int64_t s) { return batch.sequence_starts[static_cast<std::size_t>(s)]; };
  // Keys that all queries of a sequence see; 0 where each sees those up to itself.
  const auto common_keys = [&](std::int64_t s) {
    if (keys_ == graph::Keys::earlier) return 0;
    return keys_ == graph::Keys::all ? begin_of(s + 1) - begin_of(s) : batch.cross_lengths[static_cast<std::size_t>(s)];
  };

  // Where one tile is much of all the work, as that of a few tokens far into a text, threads would wait for whoever has
  // it: tiles are then cut into spans. The result is the same either way.
  std::int64_t work = 0, largest = 0;
  std::size_t split_floats = 0;
  for (std::int64_t s = 0; s < batch.n_sequences(); ++s) {
    const std::int32_t tile_tokens = tile_tokens_of(begin_of(s + 1) - begin_of(s), shape.group);
    for (std::int32_t t = begin_of(s); t < begin_of(s + 1); t += tile_tokens) {
      const std::int32_t n = std::min(tile_tokens, begin_of(s + 1) - t), n_keys = common_keys(s);
      const std::int32_t n_spans = spans_of(n_keys > 0 ? n_keys : batch.positions[static_cast<std::size_t>(t)] + n);
      work += n * n_spans;
      largest = std::max<std::int64_t>(largest, n * n_spans);
      split_floats += static_cast<std::size_t>(n * n_spans * shape.state_floats);
    }
  }
  const bool split = n_threads > 1 && largest * 4 * n_threads > work * shape.n_kv_heads && split_floats <= kMaxPartials;

  for (std::int64_t s = 0; s < batch.n_sequences(); ++s) {
    const std::int32_t tile_tokens = tile_tokens_of(begin_of(s + 1) - begin_of(s), shape.group);
    for (std::int32_t t = begin_of(s); t < begin_of(s + 1); t += tile_tokens) {
      const std::int32_t n = std::min(tile_tokens, begin_of(s + 1) - t);
      const std::int32_t first_position = batch.positions[static_cast<std::size_t>(t)];
      const std::int32_t n_keys = common_keys(s);
      const std::int32_t n_spans = spans_of(n_keys > 0 ? n_keys : first_position + n);
      AttentionItem item{static_cast<std::int32_t>(s), t, n, first_position, n_keys, 0, n_spans, -1, 0, 0};
      if (!split || n_spans == 1) {
        items_.push_back(item);
        continue;
      }
      const auto first_item = items_.size();
      item.merge_begin = static_cast<std::int32_t>(first_item);
      for (std::int32_t span = 0; span < n_spans; ++span) {
        item.first_span = span;
        item.last_span = span + 1;
        item.partial = static_cast<std::int64_t>(partial_floats_);
        partial_floats_ += static_cast<std::size_t>(n * shape.state_floats);
        items_.push_back(item);
      }
      items_[first_item].merge_end = static_cast<std::int32_t>(items_.size());
    }
  }
  const std::size_t n_arrivals = partial_floats_ ? items_.size() * static_cast<std::size_t>(shape.n_kv_heads) : 0;
  if (arrivals_.size() < n_arrivals) arrivals_ = std::vector<std::atomic<std::int32_t>>(n_arrivals);
  for (std::size_t i = 0; i < n_arrivals; ++i) arrivals_[i].store(0, std::memory_order_relaxed);
}

bool AttentionItems::arrives_last(const AttentionItem& item, int kv_head) {
  const std::int32_t n_parts = items_[static_cast<std::size_t>(item.merge_begin)].merge_end - item.merge_begin;
  std::atomic<std::int32_t>& arrived =
      arrivals_[static_cast<std::size_t>(kv_head) * items_.size() + static_cast<std::size_t>(item.merge_begin)];
  // Every part of a tile arrives once a layer, so the counter goes on from one layer to the next.
  return (arrived.fetch_add(1, std::memory_order_acq_rel) + 1) % n_parts == 0;
}

}  // namespace llmagentos::runtime
