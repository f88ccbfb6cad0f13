// Runs a compiled graph over ragged batches: one call per step of the engine, all threads inside it.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "graph/plan.h"
#include "kernels/registry.h"
#include "runtime/adapter.h"
#include "runtime/batch.h"
#include "runtime/input_squares.h"
#include "runtime/kv_pool.h"
#include "runtime/position_bias.h"
#include "runtime/run.h"
#include "runtime/weights.h"

namespace llmagentos::runtime {

// For how long a call of run() may go on with what is aside: until so many seconds after it began, but for at least as
// many after its own batch is done. The last pieces may end a little later.
struct AsideTime {
  double until = 0, at_least = 0;
};

class Executor {
 public:
  // max_tokens bounds the tokens of one run. `pool` outlives the executor.
  Executor(graph::Plan plan, const FindTensor& find, kernels::KernelSet kernels, ThreadPool& pool,
           std::int64_t max_tokens, std::int64_t n_blocks, kernels::KvType kv_type, const QuantizeTo& quantize_to = {});

  ~Executor();

  // The output [R, output_width] in a buffer that the next run may overwrite; nothing for an encoder's batch. The
  // batch's keys and values are written to its blocks. Throws InvalidArgument for a batch that does not fit (ids,
  // positions, blocks, sizes); nothing is then changed. Callers on several threads take turns.
  //
  // With `aside` the call then goes on with the batch that was set aside, for as long as that says.
  std::shared_ptr<const AlignedBuffer> run(const RaggedBatch& batch, const std::optional<AsideTime>& aside = {});

  // Sets a batch aside, to be computed piece by piece beside the next runs, and forgets the one before, whatever it had
  // come to. Until it is done its blocks are its own. Throws as run() does.
  void begin_aside(const RaggedBatch& batch);
  // Computes what is left of it. Throws InvalidArgument where there is none.
  void finish_aside();
  // Its output and the rows of that, until the next batch is set aside; null while it is not done.
  std::pair<std::shared_ptr<const AlignedBuffer>, std::int64_t> aside_output();
  // What the last run's batch took by itself.
  double seconds();

  // Copies whole blocks of the cache, one after the other: what an earlier pair wrote, a later one may read. Throws
  // InvalidArgument where a block is not in the pool; nothing is then changed.
  void copy_blocks(std::span<const std::pair<std::int32_t, std::int32_t>> from_to);

  // An adapter for sequences of later batches, which name it by the id returned. Throws as Adapter does.
  std::int32_t load_adapter(std::span<const LowRankSource> sources);
  // Frees its memory; no later batch may name it, and a batch aside that does is forgotten. Throws InvalidArgument
  // where there is none of that id.
  void unload_adapter(std::int32_t id);
  std::size_t adapter_bytes();  // of all that are loaded

  // From the next run on sums what linear layers and experts read; costs nothing where it is not called.
  void observe_inputs();
  // What was summed since; nothing without observe_inputs().
  std::map<std::string, InputSquares::Sums> input_squares();

  // The vocabulary's size, or that of an embedding.
  std::int64_t output_width() const { return plan_.values[static_cast<std::size_t>(plan_.output)].width; }
  std::int64_t max_tokens() const { return max_tokens_; }
  const KvPool& kv() const { return kv_; }
  const Weights& weights() const { return weights_; }
  std::string_view isa() const { return kernels_.isa(); }

 private:
  struct ThreadScratch;
  struct PreparedRows;

  // For every use of what a run changes. Throws Error in a forked child.
  std::unique_lock<std::mutex> turn() {
    pool_.check_owner();
    return std::unique_lock(mutex_);
  }
  void check(const RaggedBatch& batch) const;
  std::unique_ptr<Run> make_run(std::int64_t max_tokens);
  void begin(Run& run, const RaggedBatch& batch, bool owned);
  void advance_aside(std::optional<Run::Clock::time_point> deadline);
  // Runs until all is done, or past the deadline.
  void go_on(Run& run, std::optional<Run::Clock::time_point> deadline);
  void plan_attention();
  // From step `first` on; returns the step that the run pauses in, or their number.
  std::size_t run_steps(int thread, std::size_t first);
  void fill_ropes(int thread);
  void normalise(const graph::NormRef& norm, const float* x, std::size_t n, float* out) const;

  // steps_linear.cpp, steps_moe.cpp, steps_attention.cpp, steps_row.cpp
  void run_linear(const graph::LinearStep& step, Counter* counters, int thread);
  // The rows of `input` in the forms that products ask for: all by every thread for itself where they are few,
  // otherwise shared out, so that a barrier must follow.
  PreparedRows prepare_input(const graph::RowInput& input, bool quantised, bool paneled, Counter& counter, int thread);
  void prepare_rows(const graph::RowInput& input, std::int64_t first, std::int64_t last, const PreparedRows& to);
  // Not for work that a pause may not leave: what is claimed here may end with `counter.has_rest`.
  bool claim(Counter& counter, std::int64_t total, std::int64_t& first, std::int64_t& last,
             std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  void multiply_units(const graph::LinearStep& step, const kernels::MatmulInput& input, bool adapted, Counter& counter,
                      int thread);
  void multiply_groups(const graph::LinearStep& step, const kernels::MatmulInput& input, bool adapted,
                       std::size_t index, std::int64_t group, int n_groups, ThreadScratch& scratch);
  // steps_adapter.cpp
  void plan_adapters();
  bool is_adapted(const graph::LinearStep& step) const;
  const AdapterRows& adapter_rows(const graph::LinearStep& step) const;
  float* shrunk(const graph::LinearStep& step, std::size_t product, const AdapterRows::Panel& panel);
  // a x of the rows with adapters, shared out; a barrier must follow.
  void shrink_rows(const graph::LinearStep& step, const kernels::MatmulInput& input, Counter& counter, int thread);
  static const float* gather_panel(const kernels::MatmulInput& input, std::span<const std::int32_t> rows,
                                   std::size_t width, ThreadScratch& scratch);
  void shrink_group(const LowRank& factors, const kernels::MatmulInput& x, std::int64_t group, float* to,
                    ThreadScratch& scratch) const;
  // Adds b (a x) to a tile of a product that begins with row `first`, a multiple of kTileTokens.
  void expand_rows(const graph::LinearStep& step, std::size_t product, std::int64_t group, int n_groups,
                   std::int64_t first, float* tile, std::ptrdiff_t stride, ThreadScratch& scratch);
  void make_room(Run& run, const graph::MoeStep& step);
  void run_moe(const graph::MoeStep& step, Counter* counters, int thread);
  void route_tokens(const graph::MoeStep& step, Counter& counter, int thread);
  const float* gather_panels(const graph::MoeStep& step, const float* values, Counter& counter, int thread);
  void multiply_gate_up(const graph::MoeStep& step, const kernels::MatmulInput& input, std::int64_t expert,
                        std::int64_t unit, ThreadScratch& scratch);
  void store_hidden(const graph::MoeStep& step, const float* tile, const ExpertRows& rows, std::int64_t expert,
                    std::int64_t first, int n, std::int64_t unit);
  void multiply_down(const graph::MoeStep& step, std::int64_t first, std::int64_t last, ThreadScratch& scratch);
  void add_expert(const graph::MoeStep& step, const kernels::MatmulInput& input, std::int64_t expert,
                  std::int64_t group, std::int64_t from, ThreadScratch& scratch);
  void run_attention(const graph::AttentionStep& step, Counter* counters, int thread);
  void prepare_head(float* head, std::int64_t token, std::size_t dim, const std::optional<graph::NormRef>& norm,
                    int rope);
  void prepare_queries(const graph::AttentionStep& step, std::int64_t token, float* q);
  void store_key_value(const graph::AttentionStep& step, std::int64_t token, int kv_head);
  void store_all(const graph::AttentionStep& step, Counter& counter);
  void attend_alone(const graph::AttentionStep& step, const AttentionItem& item, int kv_head, int thread);
  void attend_item(const graph::AttentionStep& step, const AttentionItem& item, int kv_head, int thread,
                   const float* own_query);
  void merge_item(const graph::AttentionStep& step, const AttentionItem& first, int kv_head);
  void write_output(const graph::AttentionStep& step, const AttentionItem& item, int kv_head,
                    const kernels::AttentionState& state);
  AttentionItems& items_of(const graph::AttentionStep& step) {
    return run_->items[static_cast<std::size_t>(step.params.keys)];
  }
  kernels::AttentionState partial_state(const graph::AttentionStep& step, const AttentionItem& item, int kv_head);
  void run_row(const graph::RowStep& step, Counter* counters, int thread);
  void run_one_row(const graph::RowStep& step, std::int64_t r, const float* x, float* out, ThreadScratch& own);
  void slice_heads(const graph::RowStep& step, std::int64_t r, const float* x, float* out);
  void mix_row(const graph::RowStep& step, std::int64_t r, const float* x, float* out);
  void embed_row(const graph::RowStep& step, std::int64_t token, std::size_t n, float* out);
  void mean_row(const graph::RowStep& step, std::int64_t token, std::size_t n, float* out);

  std::int64_t n_rows(graph::ValueId value) const {
    return plan_.values[static_cast<std::size_t>(value)].selected
               ? static_cast<std::int64_t>(run_->batch.logit_rows.size())
               : run_->batch.n_tokens();
  }
  std::int64_t width(graph::ValueId value) const { return plan_.values[static_cast<std::size_t>(value)].width; }
  float* row(graph::ValueId value, std::int64_t index);

  graph::Plan plan_;
  kernels::KernelSet kernels_;
  const std::size_t stream_ahead_ = kernels::stream_ahead(cpu_features());
  ThreadPool& pool_;
  std::int64_t max_tokens_;
  Weights weights_;
  KvPool kv_;

  std::mutex mutex_;  // held by a run
  std::int64_t max_linear_width_ = 0;
  std::vector<PositionBiasTable> biases_;
  std::vector<float> ones_;  // the weight of norms that have none
  std::map<std::int32_t, std::unique_ptr<const Adapter>> adapters_;
  std::int32_t last_adapter_ = kNoAdapter;
  std::unique_ptr<InputSquares> observed_;  // none: nobody asks
  std::vector<std::unique_ptr<ThreadScratch>> scratch_;
  std::unique_ptr<Run> main_, aside_;  // aside_: made when it is first asked for
  bool has_aside_ = false;
  double seconds_ = 0;
  Run* run_ = nullptr;  // the one that the threads work on
};

}  // namespace llmagentos::runtime
