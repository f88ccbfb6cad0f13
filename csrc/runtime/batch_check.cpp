// What a batch must be before anything runs.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "runtime/executor.h"

namespace llmagentos::runtime {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw InvalidArgument("batch: " + message);
}

std::string text(std::int64_t n) { return std::to_string(n); }

void check_blocks(const char* what, std::int64_t sequence, std::int64_t n_tokens, const std::int32_t* table,
                  std::int64_t max_blocks, std::int64_t n_blocks) {
  const std::int64_t needed = (n_tokens + kernels::kKvBlock - 1) / kernels::kKvBlock;
  require(needed <= max_blocks,
          "sequence " + text(sequence) + " needs " + text(needed) + " " + what + ", its table has " + text(max_blocks));
  for (std::int64_t b = 0; b < needed; ++b)
    require(table[b] >= 0 && table[b] < n_blocks, "block " + text(table[b]) + " is not in 0.." + text(n_blocks - 1));
}

void check_indices(const char* what, std::span<const std::int32_t> all, std::int64_t end) {
  for (const std::int32_t i : all)
    require(i >= 0 && i < end, std::string(what) + " " + text(i) + " is not in 0.." + text(end - 1));
}

// Whether any of the steps' attentions sees such keys.
bool sees(const std::vector<graph::Step>& steps, graph::Keys keys) {
  return std::any_of(steps.begin(), steps.end(), [keys](const graph::Step& step) {
    const auto* attention = std::get_if<graph::AttentionStep>(&step);
    return attention && attention->params.keys == keys;
  });
}

}  // namespace

void Executor::check(const RaggedBatch& batch) const {
  const std::vector<graph::Step>& steps = batch.is_encoder ? plan_.encoder_steps : plan_.steps;
  require(!steps.empty(), "the model has no encoder");
  const std::int64_t n = batch.n_tokens();
  require(n >= 1 && n <= max_tokens_, text(n) + " tokens do not fit 1.." + text(max_tokens_) + " per run");
  require(static_cast<std::int64_t>(batch.positions.size()) == n, "token_ids and positions differ in length");
  require(batch.token_types.empty() || static_cast<std::int64_t>(batch.token_types.size()) == n,
          "token_ids and token_types differ in length");
  require(batch.n_sequences() >= 1, "it has no sequence");
  require(batch.adapters.empty() || static_cast<std::int64_t>(batch.adapters.size()) == batch.n_sequences(),
          "adapters must have one for each sequence");
  for (const std::int32_t id : batch.adapters)
    require(id == kNoAdapter || adapters_.contains(id), "there is no adapter " + text(id));
  require(batch.sequence_starts.front() == 0 && batch.sequence_starts.back() == n,
          "sequence_starts must run from 0 to the number of tokens");
  require(static_cast<std::int64_t>(batch.block_tables.size()) == batch.n_sequences() * batch.max_blocks,
          "block_tables must have one row per sequence");
  check_indices("logit row", batch.logit_rows, n);
  require(static_cast<std::int64_t>(batch.logit_rows.size()) <= (batch.is_encoder ? 0 : n),
          batch.is_encoder ? "an encoder has no logits" : "more logit rows than tokens");

  const bool is_whole = sees(steps, graph::Keys::all);
  for (std::int64_t s = 0; s < batch.n_sequences(); ++s) {
    const std::int32_t begin = batch.sequence_starts[static_cast<std::size_t>(s)];
    const std::int32_t end = batch.sequence_starts[static_cast<std::size_t>(s + 1)];
    require(begin < end && end <= n, "sequence " + text(s) + " holds no tokens");
    const std::int64_t first = batch.positions[static_cast<std::size_t>(begin)];
    require(first >= 0, "position " + text(first) + " is negative");
    require(first == 0 || !is_whole, "sequence " + text(s) + " begins at position " + text(first) +
                                         ", but all of it must be in the batch: its tokens see those behind them");
    for (std::int32_t t = begin; t < end; ++t)
      require(batch.positions[static_cast<std::size_t>(t)] == first + (t - begin),
              "positions of sequence " + text(s) + " are not consecutive");
    check_blocks("blocks", s, first + (end - begin), batch.block_table(s), batch.max_blocks, kv_.n_blocks());
  }

  if (sees(steps, graph::Keys::cross)) {
    require(
        static_cast<std::int64_t>(batch.cross_lengths.size()) == batch.n_sequences() &&
            static_cast<std::int64_t>(batch.cross_block_tables.size()) == batch.n_sequences() * batch.max_cross_blocks,
        "cross_lengths and cross_block_tables must have one row per sequence");
    for (std::int64_t s = 0; s < batch.n_sequences(); ++s) {
      const std::int64_t length = batch.cross_lengths[static_cast<std::size_t>(s)];
      require(length >= 1, "sequence " + text(s) + " has nothing from an encoder");
      check_blocks("cross blocks", s, length, batch.cross_block_table(s), batch.max_cross_blocks, kv_.n_blocks());
    }
  }

  for (const graph::Step& step : steps) {
    const auto* row = std::get_if<graph::RowStep>(&step);
    if (!row || row->kind != graph::RowStep::Kind::embed) continue;
    constexpr std::int64_t kAny = std::int64_t{1} << 31;
    const std::int64_t end = row->others_first ? kAny : weights_.matrix(row->weight).rows - row->offset;
    if (row->by == graph::EmbedBy::token)
      check_indices("token id", batch.token_ids, end);
    else if (row->by == graph::EmbedBy::position)
      check_indices("position", batch.positions, end);
    else
      check_indices("token type", batch.token_types, end);
  }
}

}  // namespace llmagentos::runtime
