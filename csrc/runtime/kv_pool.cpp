#include "runtime/kv_pool.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "base/error.h"

namespace llmagentos::runtime {
namespace {

std::vector<std::size_t> offsets_of_layers(const graph::Plan& plan, kernels::KvType type, std::size_t& total) {
  // A sequence's own blocks and its cross blocks hold the same layers; so do those an encoder works in.
  std::vector<std::size_t> sizes;
  plan.for_each_step([&](const graph::Step& step) {
    const auto* attention = std::get_if<graph::AttentionStep>(&step);
    if (!attention) return;
    const auto layer = static_cast<std::size_t>(attention->params.layer);
    if (sizes.size() <= layer) sizes.resize(layer + 1);
    sizes[layer] = std::max(sizes[layer], 2 * static_cast<std::size_t>(attention->params.n_kv_heads) *
                                              kernels::kv_tile_bytes(attention->params.head_dim, type));
  });
  // Where a query sees all keys they are of this batch alone: once read they may be overwritten by the next layer's.
  std::map<int, graph::Keys> written;
  for (const graph::Step& step : plan.steps) {
    const auto* attention = std::get_if<graph::AttentionStep>(&step);
    if (!attention || attention->k == graph::kNone) continue;
    const auto [earlier, is_first] = written.emplace(attention->params.layer, attention->params.keys);
    if (!is_first && (earlier->second != graph::Keys::all || attention->params.keys != graph::Keys::all))
      throw InvalidArgument("graph: two attentions write layer " + std::to_string(attention->params.layer) +
                            " of the KV cache");
  }
  total = 0;
  for (std::size_t& size : sizes) {
    const std::size_t offset = total;
    total += size;
    size = offset;
  }
  return sizes;
}

}  // namespace

std::size_t KvPool::block_bytes(const graph::Plan& plan, kernels::KvType type) {
  std::size_t total = 0;
  offsets_of_layers(plan, type, total);
  return total;
}

KvPool::KvPool(const graph::Plan& plan, std::int64_t n_blocks, kernels::KvType type)
    : n_blocks_(n_blocks), type_(type), layer_offsets_(offsets_of_layers(plan, type, block_bytes_)) {
  if (n_blocks < 1) throw InvalidArgument("the KV cache needs at least one block, got " + std::to_string(n_blocks));
  // Small pages, which a step first touches as it fills blocks: where a virtual machine's host must give the memory, a
  // huge one holds the step up for 5 ms. Tiles are read in order and prefetched, which small pages hardly slow down.
  memory_ = AlignedBuffer(static_cast<std::size_t>(n_blocks) * block_bytes_, HugePages::on_request);
}

void KvPool::copy_blocks(std::span<const std::pair<std::int32_t, std::int32_t>> from_to) {
  for (const auto& [from, to] : from_to)
    for (const std::int32_t block : {from, to})
      if (block < 0 || block >= n_blocks_)
        throw InvalidArgument("block " + std::to_string(block) + " is not in 0.." + std::to_string(n_blocks_ - 1));
  for (const auto& [from, to] : from_to)
    if (from != to)
      std::memcpy(memory_.data() + static_cast<std::size_t>(to) * block_bytes_,
                  memory_.data() + static_cast<std::size_t>(from) * block_bytes_, block_bytes_);
}

std::size_t KvPool::tile_bytes(const graph::AttentionParams& layer) const {
  return kernels::kv_tile_bytes(layer.head_dim, type_);
}

std::size_t KvPool::k_offset(const graph::AttentionParams& layer, int kv_head) const {
  return layer_offsets_[static_cast<std::size_t>(layer.layer)] + static_cast<std::size_t>(kv_head) * tile_bytes(layer);
}

std::size_t KvPool::v_offset(const graph::AttentionParams& layer, int kv_head) const {
  return k_offset(layer, layer.n_kv_heads + kv_head);
}

}  // namespace llmagentos::runtime
