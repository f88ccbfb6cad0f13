// A batch on its way through a plan's steps: what one step leaves for the next, and how far it has come.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "graph/plan.h"
#include "runtime/adapter.h"
#include "runtime/attention_items.h"
#include "runtime/batch.h"
#include "runtime/moe_buffers.h"

namespace llmagentos::runtime {

// What threads claim of a phase of a step, piece by piece, on a cache line of its own.
struct alignas(64) Counter {
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> has_rest{false};  // left at a pause: pieces that nobody has claimed
};

// A run with a deadline pauses when it has passed: no thread claims more work of the step that the run is in. When it
// goes on, that step is entered again, and the counters say what is left of it. So all that a step's phases pass on to
// one another lies here too, unless every thread can make it again for itself.
struct Run {
  using Clock = std::chrono::steady_clock;

  static constexpr std::size_t kCountersPerStep = 5;

  // Room for batches of up to `max_tokens`; `input_width` is that of the widest rows that products read.
  Run(const graph::Plan& plan, std::int64_t max_tokens, std::int64_t input_width);

  // Begins with a batch, of which it keeps a copy of its own where `owned`.
  void begin(const graph::Plan& plan, const RaggedBatch& given, bool owned);

  // Before a thread claims a piece of work. One piece is claimed in each call however late it is: so every run ends.
  bool must_pause() {
    if (!deadline) return false;
    const bool is_late = Clock::now() >= *deadline && !owes_piece.load(std::memory_order_relaxed);
    if (!is_late) owes_piece.store(false, std::memory_order_relaxed);
    return is_late;
  }
  Counter* counters_of(std::size_t step) { return &counters[step * kCountersPerStep]; }
  // Between barriers of the step's end and the next one's beginning: whether it was left with work to do.
  bool is_paused_in(std::size_t step) const;

  std::int64_t max_tokens;
  RaggedBatch batch;
  const std::vector<graph::Step>* steps = nullptr;
  std::size_t next_step = 0;
  std::optional<Clock::time_point> deadline;
  std::atomic<bool> owes_piece{false};

  AlignedBuffer arena;
  std::shared_ptr<AlignedBuffer> logits;
  AlignedBuffer normed, panels, quants, meta;  // the input rows of the current linear step, shared by the threads
  MoeBuffers moe;
  std::vector<std::vector<float>> cosines, sines;  // per rope: [T][n_dims / 2]
  std::array<AttentionItems, 3> items{AttentionItems(graph::Keys::earlier), AttentionItems(graph::Keys::all),
                                      AttentionItems(graph::Keys::cross)};
  std::vector<float> partials;
  std::vector<std::int32_t> sequence_of;  // [T]
  // The batch's adapters, the rows that have one, and what their first factors make of a linear step's input.
  std::vector<const Adapter*> adapters;
  AdapterRows token_adapters, logit_adapters;
  std::int64_t max_rank = 0;
  AlignedBuffer shrunk;
  std::vector<Counter> counters;

 private:
  std::vector<std::int32_t> owned_;  // what `batch` points to
};

}  // namespace llmagentos::runtime
