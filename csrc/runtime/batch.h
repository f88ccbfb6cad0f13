// One ragged batch: tokens of any mix of sequences, prompts and continuations alike.
#pragma once

#include <cstdint>
#include <span>

namespace llmagentos::runtime {

inline constexpr std::int32_t kNoAdapter = -1;

struct RaggedBatch {
  std::span<const std::int32_t> token_ids;        // [T]
  std::span<const std::int32_t> positions;        // [T], consecutive within a sequence
  std::span<const std::int32_t> sequence_starts;  // [S + 1]: sequence s holds tokens [starts[s], starts[s + 1])
  std::span<const std::int32_t> block_tables;     // [S, max_blocks]: the KV block of positions 32 b .. 32 b + 31
  std::int64_t max_blocks = 0;
  std::span<const std::int32_t> logit_rows;        // [R]: the tokens whose logits are wanted
  std::span<const std::int32_t> token_types = {};  // [T], or empty: all 0
  std::span<const std::int32_t> adapters = {};     // [S]: an adapter's id or kNoAdapter; or empty: none has one
  // Of an encoder-decoder model. A batch for the encoder leaves keys and values in its blocks, which are then the cross
  // blocks of the decoder's batches.
  bool is_encoder = false;
  std::span<const std::int32_t> cross_block_tables = {};  // [S, max_cross_blocks]
  std::int64_t max_cross_blocks = 0;
  std::span<const std::int32_t> cross_lengths = {};  // [S]: tokens the encoder has stored

  std::int64_t n_tokens() const { return static_cast<std::int64_t>(token_ids.size()); }
  std::int64_t n_sequences() const { return static_cast<std::int64_t>(sequence_starts.size()) - 1; }
  const std::int32_t* block_table(std::int64_t sequence) const { return block_tables.data() + sequence * max_blocks; }
  const std::int32_t* cross_block_table(std::int64_t sequence) const {
    return cross_block_tables.data() + sequence * max_cross_blocks;
  }
};

}  // namespace llmagentos::runtime
