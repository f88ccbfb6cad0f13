#include "runtime/executor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "runtime/scratch.h"

namespace llmagentos::runtime {
namespace {

constexpr std::size_t kCountersPerStep = 5;
constexpr std::size_t kSpareLogits = std::size_t{16} << 20;  // bytes kept for a later run that has more rows
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
      kv_(plan_, in_range("n_blocks", n_blocks, std::numeric_limits<std::int32_t>::max()), kv_type),
      counters_((std::max(plan_.steps.size(), plan_.encoder_steps.size()) + 1) * kCountersPerStep) {
  const auto rows = static_cast<std::size_t>(max_tokens);
  arena_ = AlignedBuffer(rows * static_cast<std::size_t>(plan_.arena_width) * sizeof(float));

  plan_.for_each_step([this](const graph::Step& step) {
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      max_linear_width_ = std::max(max_linear_width_, width(linear->input.value));
    if (const auto* moe = std::get_if<graph::MoeStep>(&step))
      max_linear_width_ = std::max(max_linear_width_, width(moe->input.value));
  });
  const auto widest = static_cast<std::size_t>(max_linear_width_ + kernels::kBlock);
  normed_ = AlignedBuffer(rows * widest * sizeof(float));
  panels_ = AlignedBuffer(rows * widest * sizeof(float));
  quants_ = AlignedBuffer(rows * widest);
  meta_ = AlignedBuffer(rows * (widest / kernels::kBlock) * sizeof(kernels::BlockMeta));
  for (int i = 0; i < pool.size(); ++i) {
    scratch_.push_back(std::make_unique<ThreadScratch>());
    scratch_.back()->columns.resize(kernels::scratch_floats(widest));
    scratch_.back()->normed.resize(kPrivateRows * widest);
    scratch_.back()->panels.resize(kPrivateRows * widest);
    scratch_.back()->quants.resize(kPrivateRows * widest);
    scratch_.back()->meta.resize(kPrivateRows * (widest / kernels::kBlock));
  }
  plan_.for_each_step([this](const graph::Step& step) {
    if (const auto* moe = std::get_if<graph::MoeStep>(&step)) make_room(*moe);
  });
  for (const graph::RopeParams& rope : plan_.ropes) {
    cosines_.emplace_back(rows * rope.inverse_frequencies.size());
    sines_.emplace_back(rows * rope.inverse_frequencies.size());
  }
  std::int64_t widest_value = 0;
  for (const graph::Value& value : plan_.values) widest_value = std::max(widest_value, value.width);
  ones_.assign(static_cast<std::size_t>(widest_value), 1.0f);
  for (const graph::PlannedBias& bias : plan_.biases) biases_.emplace_back(bias);
}

Executor::~Executor() = default;

float* Executor::row(graph::ValueId value, std::int64_t index) {
  if (value == plan_.output) return logits_->as<float>() + index * width(value);
  return arena_.as<float>() + plan_.offsets[static_cast<std::size_t>(value)] * max_tokens_ + index * width(value);
}

void Executor::plan_attention() {
  std::size_t most = 0;
  for (AttentionItems& items : items_) {
    items.plan(*steps_, batch_, pool_.size());
    most = std::max(most, items.partial_floats());
  }
  if (partials_.size() < most) partials_.resize(most);
}

std::shared_ptr<const AlignedBuffer> Executor::run(const RaggedBatch& batch) {
  const auto lock = turn();
  check(batch);
  batch_ = batch;
  sequence_of_.resize(static_cast<std::size_t>(batch.n_tokens()));
  for (std::int64_t s = 0; s < batch.n_sequences(); ++s)
    std::fill(sequence_of_.begin() + batch.sequence_starts[static_cast<std::size_t>(s)],
              sequence_of_.begin() + batch.sequence_starts[static_cast<std::size_t>(s + 1)],
              static_cast<std::int32_t>(s));
  steps_ = batch.is_encoder ? &plan_.encoder_steps : &plan_.steps;
  plan_attention();
  plan_adapters();
  const std::int64_t last_position = *std::max_element(batch.positions.begin(), batch.positions.end());
  for (PositionBiasTable& bias : biases_) bias.reach(last_position + 1, weights_);
  const std::size_t logits_bytes = batch.logit_rows.size() * static_cast<std::size_t>(output_width()) * sizeof(float);
  if (!logits_ || logits_->size() < logits_bytes || logits_->size() > std::max(kSpareLogits, 8 * logits_bytes))
    logits_ = std::make_shared<AlignedBuffer>(logits_bytes);
  for (Counter& counter : counters_) counter.next.store(0, std::memory_order_relaxed);
  pool_.run_claimed([this](int thread) { run_steps(thread); });
  weights_.settle();
  return logits_;
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

void Executor::run_steps(int thread) {
  scratch_[static_cast<std::size_t>(thread)]->query_key = {};
  fill_ropes(thread);  // read after the barrier of the first step at the earliest
  for (std::size_t i = 0; i < steps_->size(); ++i) {
    Counter* counters = &counters_[(i + 1) * kCountersPerStep];
    const graph::Step& step = (*steps_)[i];
    if (const auto* linear = std::get_if<graph::LinearStep>(&step))
      run_linear(*linear, counters, thread);
    else if (const auto* attention = std::get_if<graph::AttentionStep>(&step))
      run_attention(*attention, counters, thread);
    else if (const auto* moe = std::get_if<graph::MoeStep>(&step))
      run_moe(*moe, counters, thread);
    else
      run_row(std::get<graph::RowStep>(step), counters, thread);
    if (i + 1 < steps_->size()) pool_.barrier();
  }
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
    for (std::int64_t t = thread; t < batch_.n_tokens(); t += pool_.participants()) {
      const auto position = static_cast<float>(batch_.positions[static_cast<std::size_t>(t)]);
      const std::size_t at = static_cast<std::size_t>(t) * frequencies.size();
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double angle = position * frequencies[i];
        cosines_[r][at + i] = static_cast<float>(std::cos(angle)) * magnitude;
        sines_[r][at + i] = static_cast<float>(std::sin(angle)) * magnitude;
      }
    }
  }
}

}  // namespace llmagentos::runtime
