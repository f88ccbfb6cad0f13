// An attention step: heads are normalised and rotated and the cache written; after a barrier, tiles of queries attend,
// and where a tile was cut into spans, whoever computes its last part merges all of them in order.
//
// Where every sequence has one token, no query waits for another's key: each item prepares the heads it needs itself,
// which is cheaper than the barrier.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/executor.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {

using kernels::AttentionState;

namespace {

constexpr std::int64_t kSpansAtOnce = 8;

}  // namespace

// Normalises and rotates one head in place.
void Executor::prepare_head(float* head, std::int64_t token, std::size_t dim, const std::optional<graph::NormRef>& norm,
                            int rope) {
  if (norm) normalise(*norm, head, dim, head);
  if (rope < 0) return;
  const graph::RopeParams& params = plan_.ropes[static_cast<std::size_t>(rope)];
  const auto at = static_cast<std::size_t>(token) * params.inverse_frequencies.size();
  kernels_.table().rope(head + params.first, static_cast<std::size_t>(params.n_dims()),
                        &run_->cosines[static_cast<std::size_t>(rope)][at],
                        &run_->sines[static_cast<std::size_t>(rope)][at], params.pairs);
}

// The query heads that share one KV head, at one token, in place.
void Executor::prepare_queries(const graph::AttentionStep& step, std::int64_t token, float* q) {
  const graph::AttentionParams& p = step.params;
  for (int g = 0; g < p.n_heads / p.n_kv_heads; ++g)
    prepare_head(q + g * p.head_dim, token, static_cast<std::size_t>(p.head_dim), step.q_norm, step.q_rope);
}

// One token's key and value of one KV head, into the cache.
void Executor::store_key_value(const graph::AttentionStep& step, std::int64_t token, int kv_head) {
  const graph::AttentionParams& p = step.params;
  float* k = row(step.k, token) + static_cast<std::ptrdiff_t>(kv_head) * p.head_dim;
  prepare_head(k, token, static_cast<std::size_t>(p.head_dim), step.k_norm, step.k_rope);
  const float* v = row(step.v, token) + static_cast<std::ptrdiff_t>(kv_head) * p.head_dim;

  const std::int32_t position = run_->batch.positions[static_cast<std::size_t>(token)];
  const std::int32_t* table = run_->batch.block_table(run_->sequence_of[static_cast<std::size_t>(token)]);
  std::byte* block = kv_.data() + static_cast<std::size_t>(table[position / kernels::kKvBlock]) * kv_.block_bytes();
  kernels_.store_kv(p.head_dim)(k, v, p.head_dim, position % kernels::kKvBlock, block + kv_.k_offset(p, kv_head),
                                block + kv_.v_offset(p, kv_head), kv_.type());
}

AttentionState Executor::partial_state(const graph::AttentionStep& step, const AttentionItem& item, int kv_head) {
  const graph::AttentionParams& p = step.params;
  const int n_rows = item.n_tokens * (p.n_heads / p.n_kv_heads);
  float* base = run_->partials.data() + item.partial + static_cast<std::ptrdiff_t>(kv_head) * n_rows * (p.head_dim + 2);
  return {base, base + n_rows * p.head_dim, base + n_rows * (p.head_dim + 1)};
}

// Divides by the sums, to which a sink adds its share, and scatters rows to their tokens' heads.
void Executor::write_output(const graph::AttentionStep& step, const AttentionItem& item, int kv_head,
                            const AttentionState& state) {
  const graph::AttentionParams& p = step.params;
  const int group = p.n_heads / p.n_kv_heads, dim = p.head_dim;
  const float* sinks = p.sinks == graph::kNone ? nullptr : weights_.vector(p.sinks) + kv_head * group;
  for (int t = 0; t < item.n_tokens; ++t)
    for (int g = 0; g < group; ++g) {
      const int r = t * group + g;
      const float sum = state.sums[r] + (sinks ? std::exp(sinks[g] - state.maxima[r]) : 0.0f);
      const float inverse = 1.0f / sum;
      float* to = row(step.output, item.first_token + t) + (kv_head * group + g) * dim;
      for (int d = 0; d < dim; ++d) to[d] = state.values[r * dim + d] * inverse;
    }
}

// `own_query`: the item's one query as this thread has prepared it; else the queries are prepared in place.
void Executor::attend_item(const graph::AttentionStep& step, const AttentionItem& item, int kv_head, int thread,
                           const float* own_query) {
  const graph::AttentionParams& p = step.params;
  const int group = p.n_heads / p.n_kv_heads;
  const std::ptrdiff_t head_at = static_cast<std::ptrdiff_t>(kv_head) * group * p.head_dim;
  kernels::AttentionTile tile{};
  tile.q = own_query ? own_query : row(step.q, item.first_token) + head_at;
  tile.q_stride = width(step.q);
  tile.n_tokens = item.n_tokens;
  tile.group = group;
  tile.head_dim = p.head_dim;
  tile.first_position = item.first_position;
  tile.n_keys = item.n_keys;
  tile.window = p.window;
  tile.chunk = p.chunk;
  tile.scale = p.scale;
  tile.softcap = p.softcap;
  tile.pool = kv_.data();
  tile.block_table = p.keys == graph::Keys::cross ? run_->batch.cross_block_table(item.sequence)
                                                  : run_->batch.block_table(item.sequence);
  tile.block_bytes = kv_.block_bytes();
  tile.k_offset = kv_.k_offset(p, kv_head);
  tile.v_offset = kv_.v_offset(p, kv_head);
  tile.kv_type = kv_.type();
  if (step.bias != graph::kNone) {
    const PositionBiasTable& bias = biases_[static_cast<std::size_t>(step.bias)];
    tile.bias = bias.head(kv_head * group);
    tile.bias_stride = bias.stride();
  }

  // Spans that every query's window or chunk has left behind are skipped; that changes nothing but time.
  std::int32_t first_span = item.first_span;
  if (p.window > 0) first_span = std::max(first_span, (item.first_position - p.window + 1) / kernels::kSpan);
  if (p.chunk > 0)
    first_span = std::max(first_span, (item.first_position - item.first_position % p.chunk) / kernels::kSpan);
  std::int32_t last_span = item.last_span;
  if (p.window > 0 && item.n_keys > 0) {
    const std::int64_t end = std::int64_t{item.first_position} + item.n_tokens + p.window;
    last_span = static_cast<std::int32_t>(std::min<std::int64_t>(last_span, end / kernels::kSpan + 1));
  }
  last_span = std::max(first_span, last_span);

  ThreadScratch& own = *scratch_[static_cast<std::size_t>(thread)];
  const auto rows = static_cast<std::size_t>(tile.n_rows());
  own.attention.resize(std::max(own.attention.size(), kernels::attention_scratch(tile.n_rows(), p.head_dim)));
  AttentionState state;
  if (item.partial >= 0) {
    state = partial_state(step, item, kv_head);
  } else {
    own.values.resize(std::max(own.values.size(), rows * static_cast<std::size_t>(p.head_dim)));
    own.maxima.resize(std::max(own.maxima.size(), rows));
    own.sums.resize(std::max(own.sums.size(), rows));
    state = {own.values.data(), own.maxima.data(), own.sums.data()};
  }
  kernels_.attend(p.head_dim)(tile, first_span, last_span, state, own.attention.data());
  if (item.partial < 0) {
    write_output(step, item, kv_head, state);
    return;
  }
  AttentionItems& items = items_of(step);
  if (items.arrives_last(item, kv_head)) merge_item(step, items[item.merge_begin], kv_head);
}

void Executor::merge_item(const graph::AttentionStep& step, const AttentionItem& first, int kv_head) {
  const graph::AttentionParams& p = step.params;
  const int n_rows = first.n_tokens * (p.n_heads / p.n_kv_heads);
  const AttentionState state = partial_state(step, first, kv_head);
  for (std::int64_t i = first.merge_begin + 1; i < first.merge_end; ++i)
    kernels_.merge_attention(p.head_dim)(state, partial_state(step, items_of(step)[i], kv_head), n_rows, p.head_dim);
  write_output(step, first, kv_head, state);
}

// One query, which this thread may have prepared for its item before.
void Executor::attend_alone(const graph::AttentionStep& step, const AttentionItem& item, int kv_head, int thread) {
  const graph::AttentionParams& p = step.params;
  const std::int64_t token = item.first_token;
  const auto n = static_cast<std::size_t>(p.n_heads / p.n_kv_heads) * static_cast<std::size_t>(p.head_dim);
  ThreadScratch& own = *scratch_[static_cast<std::size_t>(thread)];
  const ThreadScratch::QueryKey key{&step, token, kv_head};
  if (own.query_key != key) {
    own.query.resize(std::max(own.query.size(), n));
    std::memcpy(own.query.data(), row(step.q, token) + static_cast<std::size_t>(kv_head) * n, n * sizeof(float));
    prepare_queries(step, token, own.query.data());
    own.query_key = key;
  }
  // The span that ends with the query's own key is this item's alone.
  if (step.k != graph::kNone && item.last_span * kernels::kSpan > item.first_position)
    store_key_value(step, token, kv_head);
  attend_item(step, item, kv_head, thread, own.query.data());
}

// All keys and values of the batch, by whoever is free.
void Executor::store_all(const graph::AttentionStep& step, Counter& counter) {
  const std::int64_t n_heads = step.params.n_kv_heads, n = run_->batch.n_tokens() * n_heads;
  for (std::int64_t i; (i = counter.next.fetch_add(1, std::memory_order_relaxed)) < n;)
    store_key_value(step, i / n_heads, static_cast<int>(i % n_heads));
}

void Executor::run_attention(const graph::AttentionStep& step, Counter* counters, int thread) {
  if (step.q == graph::kNone) return store_all(step, counters[0]);
  const std::int64_t n_heads = step.params.n_kv_heads;
  const AttentionItems& items = items_of(step);
  const auto claim_one = [](Counter& counter) { return counter.next.fetch_add(1, std::memory_order_relaxed); };
  const bool has_keys = step.k != graph::kNone;
  if ((has_keys || step.params.keys == graph::Keys::earlier) && run_->batch.n_tokens() == run_->batch.n_sequences()) {
    // Head by head, and several at a time, so that a thread that goes on with a query's next span has it prepared and
    // its first keys on their way.
    std::int64_t first = 0, last = 0;
    while (claim(counters[1], items.size() * n_heads, first, last, kSpansAtOnce))
      for (std::int64_t i = first; i < last; ++i)
        attend_alone(step, items[i % items.size()], static_cast<int>(i / items.size()), thread);
    return;
  }
  const bool changes_queries = step.q_norm || step.q_rope != graph::kNone;
  if (has_keys || changes_queries) {
    const std::int64_t n_prepare = run_->batch.n_tokens() * n_heads;
    const std::int64_t head_width = width(step.q) / n_heads;
    for (std::int64_t i; (i = claim_one(counters[0])) < n_prepare;) {
      prepare_queries(step, i / n_heads, row(step.q, i / n_heads) + i % n_heads * head_width);
      if (has_keys) store_key_value(step, i / n_heads, static_cast<int>(i % n_heads));
    }
    pool_.barrier();
  }
  if (items.partial_floats() > 0) {
    // In spans: as above, so that what one prefetches for the next is read by the same thread.
    std::int64_t first = 0, last = 0;
    while (claim(counters[1], items.size() * n_heads, first, last, kSpansAtOnce))
      for (std::int64_t i = first; i < last; ++i)
        attend_item(step, items[i % items.size()], static_cast<int>(i / items.size()), thread, nullptr);
    return;
  }
  // The last items of a prompt see the most keys: they go first.
  for (std::int64_t i = 0, last = 0; claim(counters[1], items.size() * n_heads, i, last, 1);)
    attend_item(step, items[items.size() - 1 - i / n_heads], static_cast<int>(i % n_heads), thread, nullptr);
}

}  // namespace llmagentos::runtime
