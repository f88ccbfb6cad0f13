// What the entry points of the sampler share: checking rows, sharing them out over threads, and plain log
// probabilities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "runtime/sampler.h"
#include "runtime/sampler_scan.h"

namespace llmagentos::sampling {

// Throws InvalidArgument, naming row and setting, unless sample() takes these.
void check_rows(std::size_t vocab, std::span<const SamplerRow* const> rows);

// Calls work(i) for each of n rows, in several threads. Throws the Error of the first row that failed, naming the row.
void for_each_row(std::size_t n, ThreadPool* pool, const std::function<void(std::size_t)>& work);

// The natural log of a row's softmax, for any of its logits: logit - top - log_total.
struct LogSoftmax {
  double top = 0;
  double log_total = 0;

  // Fills `maxima`, which is that of `logits`; `block_sums` is scratch.
  LogSoftmax(const LogitRow& logits, Maxima& maxima, std::vector<double>& block_sums);

  double operator()(float logit) const { return static_cast<double>(logit) - top - log_total; }
};

// The n most probable tokens with their log probabilities, as Sampled::top.
std::vector<std::pair<std::int32_t, double>> most_probable(const LogitRow& logits, const Maxima& maxima,
                                                           const LogSoftmax& log_softmax, std::size_t n);

}  // namespace llmagentos::sampling
