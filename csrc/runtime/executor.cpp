#include "runtime/executor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {
namespace {

constexpr std::size_t kCountersPerStep = 3;
constexpr std::int64_t kMaxTokens = std::int64_t{1} << 24;  // per run: keeps every size product inside 64 bits
constexpr std::size_t kMaxPartials = std::size_t{4} << 20;  // floats that split attention may hold

std::int64_t in_range(const char* name, std::int64_t value, std::int64_t most) {
  if (value < 1 || value > most)
    throw InvalidArgument(std::string(name) + " is " + std::to_string(value) + ", it must be in 1.." +
                          std::to_string(most));
  return value;
}

void require(bool condition, const std::string& message) {
  if (!condition) throw InvalidArgument("batch: " + message);
}

}  // namespace

Executor::Executor(graph::Plan plan, const FindTensor& find, kernels::KernelSet kernels, ThreadPool& pool,
                   std::int64_t max_tokens, std::int64_t n_blocks, kernels::KvType kv_type)
    : plan_(std::move(plan)),
      kernels_(kernels),
      pool_(pool),
      max_tokens_(in_range("max_tokens", max_tokens, kMaxTokens)),
      weights_(plan_, find, kernels_, pool),
      kv_(plan_, in_range("n_blocks", n_blocks, std::numeric_limits<std::int32_t>::max()), kv_type),
      counters_((plan_.steps.size() + 1) * kCountersPerStep) {
  const auto rows = static_cast<std::size_t>(max_tokens);
  arena_ = AlignedBuffer(rows * static_cast<std::size_t>(plan_.arena_width) * sizeof(float));

  for (const graph::Step& step : plan_.steps)
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      max_linear_width_ = std::max(max_linear_width_, width(linear->input));
  const auto widest = static_cast<std::size_t>(max_linear_width_ + kernels::kBlock);
  normed_ = AlignedBuffer(rows * widest * sizeof(float));
  panels_ = AlignedBuffer(rows * widest * sizeof(float));
  quants_ = AlignedBuffer(rows * widest);
  meta_ = AlignedBuffer(rows * (widest / kernels::kBlock) * sizeof(kernels::BlockMeta));
  for (int i = 0; i < pool.size(); ++i) {
    scratch_.push_back(std::make_unique<ThreadScratch>());
    scratch_.back()->columns.resize(widest);
    scratch_.back()->normed.resize(kPrivateRows * widest);
    scratch_.back()->panels.resize(kPrivateRows * widest);
    scratch_.back()->quants.resize(kPrivateRows * widest);
    scratch_.back()->meta.resize(kPrivateRows * (widest / kernels::kBlock));
  }
  for (const graph::RopeParams& rope : plan_.ropes) {
    // In float32 throughout, as the reference implementations round.
    std::vector<float> frequencies(static_cast<std::size_t>(rope.n_dims / 2));
    for (std::size_t i = 0; i < frequencies.size(); ++i)
      frequencies[i] = 1.0f / std::pow(rope.base, static_cast<float>(2 * i) / static_cast<float>(rope.n_dims));
    inverse_frequencies_.push_back(frequencies);
    cosines_.emplace_back(rows * frequencies.size());
    sines_.emplace_back(rows * frequencies.size());
  }
}

Executor::~Executor() = default;

float* Executor::row(graph::ValueId value, std::int64_t index) {
  if (value == plan_.output) return logits_->as<float>() + index * width(value);
  return arena_.as<float>() + plan_.offsets[static_cast<std::size_t>(value)] * max_tokens_ + index * width(value);
}

void Executor::check(const RaggedBatch& batch) const {
  const std::int64_t n = batch.n_tokens();
  require(n >= 1 && n <= max_tokens_,
          std::to_string(n) + " tokens do not fit 1.." + std::to_string(max_tokens_) + " per run");
  require(static_cast<std::int64_t>(batch.positions.size()) == n, "token_ids and positions differ in length");
  require(batch.n_sequences() >= 1, "it has no sequence");
  require(batch.sequence_starts.front() == 0 && batch.sequence_starts.back() == n,
          "sequence_starts must run from 0 to the number of tokens");
  require(static_cast<std::int64_t>(batch.block_tables.size()) == batch.n_sequences() * batch.max_blocks,
          "block_tables must have one row per sequence");
  std::int64_t vocab = std::numeric_limits<std::int32_t>::max();
  for (const graph::Step& step : plan_.steps)
    if (const auto* r = std::get_if<graph::RowStep>(&step); r && r->kind == graph::RowStep::Kind::embed)
      vocab = std::min(vocab, weights_.matrix(r->weight).rows);
  for (const std::int32_t id : batch.token_ids)
    require(id >= 0 && id < vocab, "token id " + std::to_string(id) + " is not in 0.." + std::to_string(vocab - 1));
  for (const std::int32_t r : batch.logit_rows)
    require(r >= 0 && r < n, "logit row " + std::to_string(r) + " is not in 0.." + std::to_string(n - 1));
  require(static_cast<std::int64_t>(batch.logit_rows.size()) <= n, "more logit rows than tokens");
  for (std::int64_t s = 0; s < batch.n_sequences(); ++s) {
    const std::int32_t begin = batch.sequence_starts[static_cast<std::size_t>(s)];
    const std::int32_t end = batch.sequence_starts[static_cast<std::size_t>(s + 1)];
    require(begin < end && end <= n, "sequence " + std::to_string(s) + " holds no tokens");
    const std::int64_t first = batch.positions[static_cast<std::size_t>(begin)];
    require(first >= 0, "position " + std::to_string(first) + " is negative");
    for (std::int32_t t = begin; t < end; ++t)
      require(batch.positions[static_cast<std::size_t>(t)] == first + (t - begin),
              "positions of sequence " + std::to_string(s) + " are not consecutive");
    const std::int64_t blocks = (first + (end - begin) + kernels::kKvBlock - 1) / kernels::kKvBlock;
    require(blocks <= batch.max_blocks, "sequence " + std::to_string(s) + " needs " + std::to_string(blocks) +
                                            " blocks, its table has " + std::to_string(batch.max_blocks));
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int32_t block = batch.block_table(s)[b];
      require(block >= 0 && block < kv_.n_blocks(),
              "block " + std::to_string(block) + " is not in 0.." + std::to_string(kv_.n_blocks() - 1));
    }
  }
}

void Executor::plan_attention() {
  items_.clear();
  std::int64_t n_kv_heads = 0, group = 1, state_floats = 0;
  for (const graph::Step& step : plan_.steps) {
    const auto* attention = std::get_if<graph::AttentionStep>(&step);
    if (!attention) continue;
    const graph::AttentionParams& p = attention->params;
    n_kv_heads = std::max<std::int64_t>(n_kv_heads, p.n_kv_heads);
    group = std::max<std::int64_t>(group, p.n_heads / p.n_kv_heads);
    state_floats = std::max<std::int64_t>(state_floats, static_cast<std::int64_t>(p.n_heads) * (p.head_dim + 2));
  }
  if (n_kv_heads == 0) return;
  const auto tile_tokens = static_cast<std::int32_t>(std::max<std::int64_t>(1, kQueryRows / group));
  std::int64_t n_tiles = 0;
  for (std::int64_t s = 0; s < batch_.n_sequences(); ++s)
    n_tiles += (batch_.sequence_starts[static_cast<std::size_t>(s + 1)] -
                batch_.sequence_starts[static_cast<std::size_t>(s)] + tile_tokens - 1) /
               tile_tokens;
  // Few tiles for the threads: long ones are cut into spans. The result is the same either way.
  bool split = n_tiles * n_kv_heads < 4 * pool_.size() && pool_.size() > 1;

  std::size_t split_floats = 0;
  for (std::int64_t t = 0; split && t < batch_.n_tokens(); ++t)
    split_floats +=
        static_cast<std::size_t>((batch_.positions[static_cast<std::size_t>(t)] / kernels::kSpan + 1) * state_floats);
  split = split && split_floats <= kMaxPartials;

  std::size_t partial = 0;
  for (std::int64_t s = 0; s < batch_.n_sequences(); ++s) {
    const std::int32_t end = batch_.sequence_starts[static_cast<std::size_t>(s + 1)];
    for (std::int32_t t = batch_.sequence_starts[static_cast<std::size_t>(s)]; t < end; t += tile_tokens) {
      const std::int32_t n = std::min(tile_tokens, end - t);
      const std::int32_t first_position = batch_.positions[static_cast<std::size_t>(t)];
      const std::int32_t n_spans = (first_position + n + kernels::kSpan - 1) / kernels::kSpan;
      AttentionItem item{static_cast<std::int32_t>(s), t, n, first_position, 0, n_spans, -1, 0, 0};
      if (!split || n_spans == 1) {
        items_.push_back(item);
        continue;
      }
      const auto first_item = items_.size();
      item.merge_begin = static_cast<std::int32_t>(first_item);
      for (std::int32_t span = 0; span < n_spans; ++span) {
        item.first_span = span;
        item.last_span = span + 1;
        item.partial = static_cast<std::int64_t>(partial);
        partial += static_cast<std::size_t>(n * state_floats);
        items_.push_back(item);
      }
      items_[first_item].merge_end = static_cast<std::int32_t>(items_.size());
    }
  }
  if (partials_.size() < partial) partials_.resize(partial);
  const std::size_t n_arrivals = partial ? items_.size() * static_cast<std::size_t>(n_kv_heads) : 0;
  if (arrivals_.size() < n_arrivals) arrivals_ = std::vector<std::atomic<std::int32_t>>(n_arrivals);
  for (std::size_t i = 0; i < n_arrivals; ++i) arrivals_[i].store(0, std::memory_order_relaxed);
}

std::shared_ptr<const AlignedBuffer> Executor::run(const RaggedBatch& batch) {
  const std::lock_guard lock(mutex_);
  check(batch);
  batch_ = batch;
  sequence_of_.resize(static_cast<std::size_t>(batch.n_tokens()));
  for (std::int64_t s = 0; s < batch.n_sequences(); ++s)
    std::fill(sequence_of_.begin() + batch.sequence_starts[static_cast<std::size_t>(s)],
              sequence_of_.begin() + batch.sequence_starts[static_cast<std::size_t>(s + 1)],
              static_cast<std::int32_t>(s));
  plan_attention();
  const std::size_t logits_bytes = batch.logit_rows.size() * static_cast<std::size_t>(vocab_size()) * sizeof(float);
  if (!logits_ || logits_->size() < logits_bytes) logits_ = std::make_shared<AlignedBuffer>(logits_bytes);
  for (Counter& counter : counters_) counter.next.store(0, std::memory_order_relaxed);
  pool_.run([this](int thread) { run_steps(thread); });
  return logits_;
}

void Executor::copy_blocks(std::span<const std::pair<std::int32_t, std::int32_t>> from_to) {
  const std::lock_guard lock(mutex_);
  kv_.copy_blocks(from_to);
}

void Executor::run_steps(int thread) {
  scratch_[static_cast<std::size_t>(thread)]->query_key = {};
  fill_ropes(thread);  // read after the barrier of the first step at the earliest
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    Counter* counters = &counters_[(i + 1) * kCountersPerStep];
    const graph::Step& step = plan_.steps[i];
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      run_linear(*linear, counters, thread);
    else if (const auto* attention = std::get_if<graph::AttentionStep>(&step))
      run_attention(*attention, counters, thread);
    else
      run_row(std::get<graph::RowStep>(step), counters, thread);
    if (i + 1 < plan_.steps.size()) pool_.barrier();
  }
}

void Executor::fill_ropes(int thread) {
  for (std::size_t r = 0; r < plan_.ropes.size(); ++r) {
    const std::vector<float>& frequencies = inverse_frequencies_[r];
    for (std::int64_t t = thread; t < batch_.n_tokens(); t += pool_.size()) {
      const float position =
          static_cast<float>(batch_.positions[static_cast<std::size_t>(t)]) * plan_.ropes[r].position_scale;
      const std::size_t at = static_cast<std::size_t>(t) * frequencies.size();
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double angle = position * frequencies[i];
        cosines_[r][at + i] = static_cast<float>(std::cos(angle));
        sines_[r][at + i] = static_cast<float>(std::sin(angle));
      }
    }
  }
}

}  // namespace llmagentos::runtime
