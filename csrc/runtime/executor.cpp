#include "runtime/executor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {
namespace {

constexpr std::size_t kSpareLogits = std::size_t{16} << 20;  // bytes kept for a later run that has more rows
constexpr double kMaxSeconds = 1e6;                          // that a run may go on with what is aside
constexpr std::int64_t kMaxTokens = std::int64_t{1} << 24;   // per run: keeps every size product inside 64 bits

std::int64_t in_range(const char* name, std::int64_t value, std::int64_t most) {
  if (value < 1 || value > most)
    throw InvalidArgument(std::string(name) + " is " + std::to_string(value) + ", it must be in 1.." +
                          std::to_string(most));
  return value;
}

}  // namespace

Executor::Executor(graph::Plan plan, const FindTensor& find, kernels::KernelSet kernels, ThreadPool& pool,
                   std::int64_t max_tokens, std::int64_t n_blocks, kernels::KvType kv_type,
                   const QuantizeTo& quantize_to)
    : plan_(std::move(plan)),
      kernels_(kernels),
      pool_(pool),
      max_tokens_(in_range("max_tokens", max_tokens, kMaxTokens)),
      weights_(plan_, find, kernels_, pool, quantize_to),
      kv_(plan_, in_range("n_blocks", n_blocks, std::numeric_limits<std::int32_t>::max()), kv_type) {
  plan_.for_each_step([this](const graph::Step& step) {
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      max_linear_width_ = std::max(max_linear_width_, width(linear->input.value));
    if (const auto* moe = std::get_if<graph::MoeStep>(&step))
      max_linear_width_ = std::max(max_linear_width_, width(moe->input.value));
  });
  const auto widest = static_cast<std::size_t>(max_linear_width_ + kernels::kBlock);
  for (int i = 0; i < pool.size(); ++i) {
    scratch_.push_back(std::make_unique<ThreadScratch>());
    scratch_.back()->columns.resize(kernels::scratch_floats(widest));
    scratch_.back()->normed.resize(kPrivateRows * widest);
    scratch_.back()->panels.resize(kPrivateRows * widest);
    scratch_.back()->quants.resize(kPrivateRows * widest);
    scratch_.back()->meta.resize(kPrivateRows * (widest / kernels::kBlock));
  }
  std::int64_t widest_value = 0;
  for (const graph::Value& value : plan_.values) widest_value = std::max(widest_value, value.width);
  ones_.assign(static_cast<std::size_t>(widest_value), 1.0f);
  for (const graph::PlannedBias& bias : plan_.biases) biases_.emplace_back(bias);
  main_ = make_run(max_tokens);
}

std::unique_ptr<Run> Executor::make_run(std::int64_t max_tokens) {
  auto run = std::make_unique<Run>(plan_, max_tokens, max_linear_width_ + static_cast<std::int64_t>(kernels::kBlock));
  plan_.for_each_step([this, &run](const graph::Step& step) {
    if (const auto* moe = std::get_if<graph::MoeStep>(&step)) make_room(*run, *moe);
  });
  return run;
}

Executor::~Executor() = default;

float* Executor::row(graph::ValueId value, std::int64_t index) {
  if (value == plan_.output) return run_->logits->as<float>() + index * width(value);
  return run_->arena.as<float>() + plan_.offsets[static_cast<std::size_t>(value)] * run_->max_tokens +
         index * width(value);
}

void Executor::plan_attention() {
  std::size_t most = 0;
  for (AttentionItems& items : run_->items) {
    items.plan(*run_->steps, run_->batch, pool_.size());
    most = std::max(most, items.partial_floats());
  }
  if (run_->partials.size() < most) run_->partials.resize(most);
}

void Executor::begin(Run& run, const RaggedBatch& batch, bool owned) {
  run_ = &run;
  run.begin(plan_, batch, owned);
  plan_attention();
  plan_adapters();
  const std::int64_t last_position = *std::max_element(batch.positions.begin(), batch.positions.end());
  for (PositionBiasTable& bias : biases_) bias.reach(last_position + 1, weights_);
  const std::size_t logits_bytes = batch.logit_rows.size() * static_cast<std::size_t>(output_width()) * sizeof(float);
  if (!run.logits || run.logits->size() < logits_bytes || run.logits->size() > std::max(kSpareLogits, 8 * logits_bytes))
    run.logits = std::make_shared<AlignedBuffer>(logits_bytes);
}

void Executor::go_on(Run& run, std::optional<Run::Clock::time_point> deadline) {
  const std::size_t first = run.next_step;
  if (first == run.steps->size()) return;
  run_ = &run;
  run.deadline = deadline;
  run.owes_piece.store(true, std::memory_order_relaxed);
  for (std::size_t i = 0; i < Run::kCountersPerStep; ++i)
    run.counters_of(first)[i].has_rest.store(false, std::memory_order_relaxed);
  pool_.run_claimed([this, first, &run](int thread) {
    const std::size_t reached = run_steps(thread, first);
    if (thread == 0) run.next_step = reached;
  });
  // Nothing waits behind the last step, so what it has left is seen here.
  if (run.next_step == run.steps->size() && run.is_paused_in(run.next_step - 1)) --run.next_step;
  weights_.settle();
}

std::shared_ptr<const AlignedBuffer> Executor::run(const RaggedBatch& batch, const std::optional<AsideTime>& aside) {
  const Run::Clock::time_point began = Run::Clock::now();
  const auto lock = turn();
  if (aside && !has_aside_) throw InvalidArgument("no batch was set aside");
  const auto after = [](Run::Clock::time_point start, double seconds) {
    return start + std::chrono::duration_cast<Run::Clock::duration>(std::chrono::duration<double>(seconds));
  };
  if (aside &&
      !(aside->until >= 0 && aside->until <= kMaxSeconds && aside->at_least >= 0 && aside->at_least <= kMaxSeconds))
    throw InvalidArgument("the time for what is aside must be in 0.." + std::to_string(kMaxSeconds) + " seconds");
  check(batch);
  begin(*main_, batch, false);
  go_on(*main_, {});
  const Run::Clock::time_point computed = Run::Clock::now();
  seconds_ = std::chrono::duration<double>(computed - began).count();
  if (aside) advance_aside(std::max(after(began, aside->until), after(computed, aside->at_least)));
  return main_->logits;
}

void Executor::begin_aside(const RaggedBatch& batch) {
  const auto lock = turn();
  if (observed_) throw InvalidArgument("a batch that is set aside cannot be observed");
  check(batch);
  has_aside_ = false;
  if (!aside_ || aside_->max_tokens < batch.n_tokens()) {
    const auto rows = std::bit_ceil(static_cast<std::uint64_t>(batch.n_tokens()));
    aside_.reset();
    aside_ = make_run(std::min(max_tokens_, static_cast<std::int64_t>(rows)));
  }
  begin(*aside_, batch, true);
  has_aside_ = true;
}

// Where it throws, what it was at is lost.
void Executor::advance_aside(std::optional<Run::Clock::time_point> deadline) {
  if (!has_aside_) throw InvalidArgument("no batch was set aside");
  has_aside_ = false;
  go_on(*aside_, deadline);
  has_aside_ = true;
}

void Executor::finish_aside() {
  const auto lock = turn();
  advance_aside({});
}

std::pair<std::shared_ptr<const AlignedBuffer>, std::int64_t> Executor::aside_output() {
  const auto lock = turn();
  if (!has_aside_ || aside_->next_step < aside_->steps->size()) return {};
  return {aside_->logits, static_cast<std::int64_t>(aside_->batch.logit_rows.size())};
}

double Executor::seconds() {
  const auto lock = turn();
  return seconds_;
}

void Executor::copy_blocks(std::span<const std::pair<std::int32_t, std::int32_t>> from_to) {
  const auto lock = turn();
  kv_.copy_blocks(from_to);
}

void Executor::observe_inputs() {
  const auto lock = turn();
  observed_ = std::make_unique<InputSquares>(plan_);
}

std::map<std::string, InputSquares::Sums> Executor::input_squares() {
  const auto lock = turn();
  return observed_ ? observed_->by_weight(plan_) : std::map<std::string, InputSquares::Sums>{};
}

std::size_t Executor::run_steps(int thread, std::size_t first) {
  scratch_[static_cast<std::size_t>(thread)]->query_key = {};
  if (first == 0) fill_ropes(thread);  // read after the barrier of the first step at the earliest
  const std::size_t n_steps = run_->steps->size();
  for (std::size_t i = first; i < n_steps; ++i) {
    Counter* counters = run_->counters_of(i);
    const graph::Step& step = (*run_->steps)[i];
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      run_linear(*linear, counters, thread);
    else if (const auto* attention = std::get_if<graph::AttentionStep>(&step))
      run_attention(*attention, counters, thread);
    else if (const auto* moe = std::get_if<graph::MoeStep>(&step))
      run_moe(*moe, counters, thread);
    else
      run_row(std::get<graph::RowStep>(step), counters, thread);
    if (i + 1 == n_steps) break;
    pool_.barrier();
    if (run_->is_paused_in(i)) return i;
  }
  return n_steps;
}

void Executor::normalise(const graph::NormRef& norm, const float* x, std::size_t n, float* out) const {
  const float* weight = norm.weight == graph::kNone ? ones_.data() : weights_.vector(norm.weight);
  if (norm.kind == graph::NormKind::rms)
    kernels_.table().rms_norm(x, weight, n, norm.eps, out);
  else
    kernels_.table().layer_norm(x, weight, norm.bias == graph::kNone ? nullptr : weights_.vector(norm.bias), n,
                                norm.eps, out);
}

void Executor::fill_ropes(int thread) {
  for (std::size_t r = 0; r < plan_.ropes.size(); ++r) {
    const std::vector<float>& frequencies = plan_.ropes[r].inverse_frequencies;
    const float magnitude = plan_.ropes[r].magnitude;
    for (std::int64_t t = thread; t < run_->batch.n_tokens(); t += pool_.participants()) {
      const auto position = static_cast<float>(run_->batch.positions[static_cast<std::size_t>(t)]);
      const std::size_t at = static_cast<std::size_t>(t) * frequencies.size();
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double angle = position * frequencies[i];
        run_->cosines[r][at + i] = static_cast<float>(std::cos(angle)) * magnitude;
        run_->sines[r][at + i] = static_cast<float>(std::sin(angle)) * magnitude;
      }
    }
  }
}

}  // namespace llmagentos::runtime
