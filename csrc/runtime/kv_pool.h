// The paged KV cache: one pool of blocks, each holding every layer's keys and values of kKvBlock tokens.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "graph/plan.h"
#include "kernels/attention/attention.h"

namespace llmagentos::runtime {

class KvPool {
 public:
  // Memory is reserved for n_blocks and taken page by page as blocks are first written.
  KvPool(const graph::Plan& plan, std::int64_t n_blocks, kernels::KvType type);

  // Bytes of one block for this model.
  static std::size_t block_bytes(const graph::Plan& plan, kernels::KvType type);

  std::int64_t n_blocks() const { return n_blocks_; }
  std::size_t block_bytes() const { return block_bytes_; }
  kernels::KvType type() const { return type_; }
  std::byte* data() { return memory_.data(); }

  // In order; throws InvalidArgument, before anything is copied, where a block is not in the pool.
  void copy_blocks(std::span<const std::pair<std::int32_t, std::int32_t>> from_to);

  // Where, within a block, the layer's K and V of a KV head begin.
  std::size_t k_offset(const graph::AttentionParams& layer, int kv_head) const;
  std::size_t v_offset(const graph::AttentionParams& layer, int kv_head) const;

 private:
  std::size_t tile_bytes(const graph::AttentionParams& layer) const;

  std::int64_t n_blocks_;
  kernels::KvType type_;
  std::vector<std::size_t> layer_offsets_;
  std::size_t block_bytes_;
  AlignedBuffer memory_;
};

}  // namespace llmagentos::runtime
