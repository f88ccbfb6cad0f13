// Which rows adapters act on, and what they add to a linear layer against plain loops in double.
#include "runtime/adapter.h"

#include <cmath>
#include <map>

#include "base/error.h"
#include "base/thread_pool.h"
#include "check.h"
#include "kernel_inputs.h"
#include "runtime/executor.h"

using namespace llmagentos;
using namespace llmagentos::runtime;

namespace {

constexpr std::int64_t kVocab = 40, kWidth = 24, kOut = 37;  // no multiples of a group's 16 rows

struct Factors {
  std::int64_t rank;
  std::vector<float> a = normal(static_cast<std::size_t>(rank * kWidth), 0.3f);
  std::vector<float> b = normal(static_cast<std::size_t>(kOut * rank), 0.3f);

  LowRankSource source() const { return {"w", a.data(), rank, kWidth, b.data(), kOut, rank}; }
};

// Rows of an embedding through one linear layer with a bias.
class Layer {
 public:
  std::unique_ptr<Executor> executor(const char* isa, ThreadPool& pool, std::int64_t n_tokens) const {
    graph::Graph g;
    const graph::ValueId x = g.embed("rows", kVocab, kWidth);
    g.set_output(g.select_rows(g.linear(x, "w", kOut, "bias")));
    const auto find = [this](const std::string& name) {
      const auto found = sources_.find(name);
      return found == sources_.end() ? nullptr : &found->second;
    };
    return std::make_unique<Executor>(graph::compile(g), find, kernels::select_kernels(isa), pool, n_tokens, 64,
                                      kernels::KvType::f32);
  }

  double expected(std::int32_t token, std::int64_t row, const Factors* factors) const {
    const float* x = &rows_[static_cast<std::size_t>(token * kWidth)];
    double sum = bias_[static_cast<std::size_t>(row)];
    for (std::int64_t k = 0; k < kWidth; ++k) sum += x[k] * w_[static_cast<std::size_t>(row * kWidth + k)];
    for (std::int64_t r = 0; factors && r < factors->rank; ++r) {
      double shrunk = 0;
      for (std::int64_t k = 0; k < kWidth; ++k) shrunk += x[k] * factors->a[static_cast<std::size_t>(r * kWidth + k)];
      sum += shrunk * factors->b[static_cast<std::size_t>(row * factors->rank + r)];
    }
    return sum;
  }

 private:
  static TensorSource source(const std::vector<float>& values, std::vector<std::int64_t> shape) {
    const auto bytes = std::as_bytes(std::span(values));
    return {std::move(shape), DType::f32, [bytes] { return TensorBytes{bytes, nullptr, nullptr}; }};
  }

  std::vector<float> rows_ = normal(kVocab * kWidth, 1.0f), w_ = normal(kOut * kWidth, 0.3f),
                     bias_ = normal(kOut, 1.0f);
  std::map<std::string, TensorSource> sources_{
      {"rows", source(rows_, {kVocab, kWidth})}, {"w", source(w_, {kOut, kWidth})}, {"bias", source(bias_, {kOut})}};
};

// Sequences of these lengths, one block table row each.
struct Sequences {
  std::vector<std::int32_t> ids, positions, starts{0}, blocks, rows;
  std::int64_t max_blocks = 0;

  explicit Sequences(const std::vector<int>& lengths) {
    for (const int n : lengths) max_blocks = std::max<std::int64_t>(max_blocks, (n + 31) / 32);
    for (const int n : lengths) {
      for (int p = 0; p < n; ++p) {
        ids.push_back(static_cast<std::int32_t>((ids.size() * 7 + 3) % kVocab));
        positions.push_back(p);
        rows.push_back(static_cast<std::int32_t>(rows.size()));
      }
      for (std::int64_t b = 0; b < max_blocks; ++b) blocks.push_back(static_cast<std::int32_t>(blocks.size()));
      starts.push_back(static_cast<std::int32_t>(ids.size()));
    }
  }

  RaggedBatch batch(const std::vector<std::int32_t>& adapters) const {
    RaggedBatch made{ids, positions, starts, blocks, max_blocks, rows};
    made.adapters = adapters;
    return made;
  }
};

}  // namespace

TEST(each_row_with_an_adapter_is_in_one_panel_of_its_tile) {
  // Only the addresses of the adapters matter here.
  const auto one = reinterpret_cast<const Adapter*>(64), other = reinterpret_cast<const Adapter*>(128);
  std::vector<const Adapter*> adapters;
  for (int r = 0; r < 75; ++r) adapters.push_back(r % 3 == 0 ? nullptr : r % 5 < 3 ? one : other);
  AdapterRows rows;
  for (int again = 0; again < 2; ++again) {
    rows.group(adapters, 32);
    std::vector<int> seen(adapters.size());
    CHECK(rows.begins.size() == 4);
    for (std::int64_t tile = 0; tile < 3; ++tile)
      for (const AdapterRows::Panel& panel : rows.of_tile(tile)) {
        CHECK(panel.n >= 1 && panel.n <= kernels::kPanel);
        for (int t = 0; t < panel.n; ++t) {
          const std::int32_t r = rows.rows[static_cast<std::size_t>(panel.begin + t)];
          CHECK(r / 32 == tile && adapters[static_cast<std::size_t>(r)] == panel.adapter);
          ++seen[static_cast<std::size_t>(r)];
        }
      }
    for (std::size_t r = 0; r < seen.size(); ++r) CHECK(seen[r] == (adapters[r] ? 1 : 0));
  }
  rows.group(std::vector<const Adapter*>(40, nullptr), 32);
  CHECK(rows.empty() && rows.of_tile(1).empty());
}

TEST(sequences_get_what_their_own_adapter_adds) {
  const Layer layer;
  const std::vector<Factors> factors{{1}, {5}, {40}};
  const std::vector<std::vector<int>> all_lengths{{1}, {1, 1}, {300, 1, 40, 2, 17}};
  for (const std::string& isa : kernels::available_isas())
    for (const int n_threads : {1, 3}) {
      ThreadPool pool(n_threads);
      const auto executor = layer.executor(isa.c_str(), pool, 512);
      std::vector<std::int32_t> numbers{kNoAdapter};
      for (const Factors& each : factors) {
        const LowRankSource source = each.source();
        numbers.push_back(executor->load_adapter({&source, 1}));
      }
      for (const std::vector<int>& lengths : all_lengths) {
        const Sequences sequences(lengths);
        std::vector<std::int32_t> adapters;
        for (std::size_t s = 0; s < lengths.size(); ++s) adapters.push_back(numbers[(s + 2) % numbers.size()]);
        const auto out = executor->run(sequences.batch(adapters));
        double worst = 0;
        for (std::size_t s = 0, t = 0; s < lengths.size(); ++s) {
          const std::size_t chosen = (s + 2) % numbers.size();
          const Factors* own = chosen == 0 ? nullptr : &factors[chosen - 1];
          for (int p = 0; p < lengths[s]; ++p, ++t)
            for (std::int64_t i = 0; i < kOut; ++i)
              worst = std::max(worst, std::fabs(out->as<float>()[t * kOut + static_cast<std::size_t>(i)] -
                                                layer.expected(sequences.ids[t], i, own)));
        }
        CHECK(worst < 1e-4);
      }
    }
}

TEST(an_unloaded_adapter_is_unknown) {
  const Layer layer;
  ThreadPool pool(1);
  const auto executor = layer.executor("reference", pool, 8);
  const Factors factors{3};
  const LowRankSource source = factors.source();
  const std::int32_t number = executor->load_adapter({&source, 1});
  CHECK(executor->adapter_bytes() >= (factors.a.size() + factors.b.size()) * sizeof(float));
  executor->unload_adapter(number);
  CHECK(executor->adapter_bytes() == 0);
  CHECK_THROWS(InvalidArgument, executor->unload_adapter(number));
  CHECK_THROWS(InvalidArgument, executor->run(Sequences({1}).batch({number})));
}

TEST(factors_that_fit_no_layer_are_refused) {
  const Layer layer;
  ThreadPool pool(1);
  const auto executor = layer.executor("reference", pool, 8);
  const Factors factors{3};
  LowRankSource source = factors.source();
  source.weight = "bias";
  CHECK_THROWS(UnsupportedModelError, executor->load_adapter({&source, 1}));
  source = factors.source();
  source.rows = kOut - 1;
  CHECK_THROWS(InvalidArgument, executor->load_adapter({&source, 1}));
  CHECK(executor->adapter_bytes() == 0);
}

TEST_MAIN
