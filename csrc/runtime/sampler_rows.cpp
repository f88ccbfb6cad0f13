#include "runtime/sampler_rows.h"

#include <atomic>
#include <cmath>
#include <exception>
#include <string>

#include "base/error.h"
#include "runtime/sampler_candidates.h"
#include "runtime/sampler_logits.h"

namespace llmagentos::sampling {
namespace {

std::string row_prefix(std::size_t row, std::size_t rows) {
  return rows == 1 ? std::string() : "row " + std::to_string(row) + ": ";
}

}  // namespace

void check_rows(std::size_t vocab, std::span<const SamplerRow* const> rows) {
  if (vocab == 0 || vocab > INT32_MAX) {
    throw InvalidArgument("the logits must be of 1 to 2147483647 tokens, not " + std::to_string(vocab));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    try {
      check_row(*rows[i], vocab);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(row_prefix(i, rows.size()) + error.what());
    }
  }
}

void for_each_row(std::size_t n, ThreadPool* pool, const std::function<void(std::size_t)>& work) {
  std::vector<std::exception_ptr> failures(n);
  std::atomic<std::size_t> next{0};
  const auto take_rows = [&](int) {
    for (std::size_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) {
      try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  if (pool != nullptr && n > 1) {
    pool->run_claimed(take_rows);
  } else {
    take_rows(0);
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (!failures[i]) continue;
    try {
      std::rethrow_exception(failures[i]);
    } catch (const Error& error) {
      throw Error(row_prefix(i, n) + error.what());
    }
  }
}

LogSoftmax::LogSoftmax(const LogitRow& logits, Maxima& maxima, std::vector<double>& block_sums) {
  find_maxima(logits, maxima);
  const Softmax softmax{maxima.top, 1.0f};
  top = static_cast<double>(softmax.top);
  log_total = std::log(sum_weights(logits, softmax, block_sums));
}

std::vector<std::pair<std::int32_t, double>> most_probable(const LogitRow& logits, const Maxima& maxima,
                                                           const LogSoftmax& log_softmax, std::size_t n) {
  std::vector<std::pair<std::int32_t, double>> found;
  for (const auto& [id, logit] : largest_logits(logits, maxima, n)) found.emplace_back(id, log_softmax(logit));
  return found;
}

}  // namespace llmagentos::sampling
