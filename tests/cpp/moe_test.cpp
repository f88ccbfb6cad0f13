// A step of experts against plain loops in double over the decoded weights.
#include <map>

#include "base/thread_pool.h"
#include "check.h"
#include "kernel_inputs.h"
#include "runtime/executor.h"

using namespace llmagentos;
using graph::kNone;
using kernels::ActivationKind;

namespace {

struct Shape {
  int n_tokens, n_experts, n_used;
  DType dtype;
  int width = 256, hidden = 256;
  bool has_biases = false;
  float limit = 0, up_shift = 0;
  ActivationKind activation = ActivationKind::silu;
  bool weighs_inputs = false;
};

struct Tensor {
  std::vector<std::byte> bytes;
  std::vector<float> values;
  runtime::TensorSource source;
};

// One layer over rows that an embedding has, token i its row i: its experts, and what was there before.
class Layer {
 public:
  explicit Layer(const Shape& shape) : shape_(shape) {
    add("rows", DType::f32, {shape.n_tokens, shape.width}, 1.0f);
    add("norm", DType::f32, {shape.width}, 1.0f);
    add("router", DType::f32, {shape.n_experts, shape.width}, 0.1f);
    add("gate", shape.dtype, {shape.n_experts, shape.hidden, shape.width}, 0.1f);
    add("up", shape.dtype, {shape.n_experts, shape.hidden, shape.width}, 0.1f);
    add("down", shape.dtype, {shape.n_experts, shape.width, shape.hidden}, 0.1f);
    if (!shape.has_biases) return;
    for (const char* name : {"gate.bias", "up.bias"}) add(name, DType::f32, {shape.n_experts, shape.hidden}, 1.0f);
    add("down.bias", DType::f32, {shape.n_experts, shape.width}, 1.0f);
  }

  // [tokens][width], of the tokens first to last - 1 in one batch.
  std::vector<float> run(const char* isa, int n_threads, int first, int last, bool fuse = true) const {
    ThreadPool pool(n_threads);
    const auto find = [this](const std::string& name) {
      const auto found = tensors_.find(name);
      return found == tensors_.end() ? nullptr : &found->second.source;
    };
    const int n = last - first, n_blocks = (n + 31) / 32;
    runtime::Executor executor(graph::compile(graph(), fuse), find, kernels::select_kernels(isa), pool, n, n_blocks,
                               kernels::KvType::f16);
    std::vector<std::int32_t> ids, positions, blocks, rows;
    for (int t = 0; t < n; ++t) {
      ids.push_back(first + t);
      positions.push_back(t);
      rows.push_back(t);
    }
    for (int b = 0; b < n_blocks; ++b) blocks.push_back(b);
    const std::vector<std::int32_t> starts{0, n};
    const auto out = executor.run({ids, positions, starts, blocks, n_blocks, rows});
    return {out->as<float>(), out->as<float>() + n * shape_.width};
  }

  std::vector<double> expected() const;

 private:
  graph::Graph graph() const {
    graph::Graph g;
    const graph::ValueId x = g.embed("rows", shape_.n_tokens, shape_.width);
    const graph::ValueId h = g.rms_norm(x, "norm", 1e-5f);
    graph::MoeParams params;
    params.routing = {.n_experts = shape_.n_experts, .n_used = shape_.n_used};
    params.hidden = shape_.hidden;
    params.activation = shape_.activation;
    params.limit = shape_.limit;
    params.up_shift = shape_.up_shift;
    params.weighs_inputs = shape_.weighs_inputs;
    graph::MoeNames names{"gate", "up", "down"};
    if (shape_.has_biases) names = {"gate", "up", "down", "gate.bias", "up.bias", "down.bias"};
    const graph::ValueId y = g.moe(h, g.linear(h, "router", shape_.n_experts), names, params);
    g.set_output(g.select_rows(g.add(x, y)));
    return g;
  }

  void add(const char* name, DType dtype, std::vector<std::int64_t> shape, float deviation) {
    Tensor& tensor = tensors_[name];
    std::size_t n = 1;
    for (const std::int64_t size : shape) n *= static_cast<std::size_t>(size);
    const auto n_cols = static_cast<std::size_t>(shape.back());
    tensor.bytes = rows_of(dtype, n_cols, static_cast<int>(n / n_cols), normal(n, deviation));
    tensor.values.resize(n);
    format_ops(dtype).decode(tensor.bytes.data(), tensor.values.data(), n);
    tensor.source.shape = std::move(shape);
    tensor.source.dtype = dtype;
    tensor.source.open = [&tensor] { return runtime::TensorBytes{tensor.bytes, nullptr, nullptr}; };
  }

  // weight [.., n_out, n_in] of an expert times x, plus the bias that there may be.
  std::vector<double> product(const std::string& name, int expert, const std::vector<double>& x, int n_out) const {
    const float* w = tensors_.at(name).values.data() + static_cast<std::size_t>(expert * n_out) * x.size();
    std::vector<double> y(static_cast<std::size_t>(n_out));
    for (double& sum : y) {
      for (const double value : x) sum += value * *w++;
    }
    const auto bias = tensors_.find(name + ".bias");
    if (bias != tensors_.end())
      for (std::size_t i = 0; i < y.size(); ++i)
        y[i] += bias->second.values[static_cast<std::size_t>(expert) * y.size() + i];
    return y;
  }

  Shape shape_;
  std::map<std::string, Tensor> tensors_;
};

std::vector<double> Layer::expected() const {
  const auto width = static_cast<std::size_t>(shape_.width);
  std::vector<double> out;
  for (int t = 0; t < shape_.n_tokens; ++t) {
    const float* row = tensors_.at("rows").values.data() + static_cast<std::size_t>(t) * width;
    std::vector<double> x(row, row + width), sum = x;
    double squares = 1e-5;
    for (const double value : x) squares += value * value / shape_.width;
    for (std::size_t i = 0; i < width; ++i) x[i] *= tensors_.at("norm").values[i] / std::sqrt(squares);
    const std::vector<double> logits = product("router", 0, x, shape_.n_experts);
    std::vector<int> order(logits.size());
    for (std::size_t e = 0; e < order.size(); ++e) order[e] = static_cast<int>(e);
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)]; });
    order.resize(static_cast<std::size_t>(shape_.n_used));
    double total = 0;
    for (const int e : order) total += std::exp(logits[static_cast<std::size_t>(e)]);
    for (const int e : order) {
      const double weight = std::exp(logits[static_cast<std::size_t>(e)]) / total;
      std::vector<double> read = x;
      if (shape_.weighs_inputs)
        for (double& value : read) value *= weight;
      std::vector<double> gate = product("gate", e, read, shape_.hidden);
      const std::vector<double> up = product("up", e, read, shape_.hidden);
      for (std::size_t i = 0; i < gate.size(); ++i) {
        const double bound = shape_.limit > 0 ? shape_.limit : HUGE_VAL;
        const double g = std::min(gate[i], bound), steep = shape_.activation == ActivationKind::silu ? 1 : 1.702;
        gate[i] = g / (1 + std::exp(-steep * g)) * (std::clamp(up[i], -bound, bound) + shape_.up_shift);
      }
      const std::vector<double> down = product("down", e, gate, shape_.width);
      for (std::size_t i = 0; i < width; ++i) sum[i] += (shape_.weighs_inputs ? 1 : weight) * down[i];
    }
    out.insert(out.end(), sum.begin(), sum.end());
  }
  return out;
}

double worst_relative(const std::vector<float>& a, const std::vector<double>& b) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return HUGE_VAL;
    worst = std::max(worst, std::fabs(a[i] - b[i]));
    largest = std::max(largest, std::fabs(b[i]));
  }
  return worst / largest;
}

void check_layer(const Shape& shape) {
  const Layer layer(shape);
  const std::vector<double> expected = layer.expected();
  const bool is_float = shape.dtype == DType::f32;
  CHECK(worst_relative(layer.run("reference", 1, 0, shape.n_tokens), expected) < 1e-5);
  CHECK(worst_relative(layer.run("", 2, 0, shape.n_tokens), expected) < (is_float ? 1e-5 : 3e-2));
  CHECK(worst_relative(layer.run("", 1, 0, shape.n_tokens, false), expected) < (is_float ? 1e-5 : 3e-2));
}

}  // namespace

TEST(experts_of_every_format_agree_with_plain_loops) {
  for (const DType dtype : {DType::f32, DType::q8_0, DType::q4_k, DType::mxfp4})
    for (const int n_tokens : {1, 2, 17, 64})
      for (const auto& [n_experts, n_used] : {std::pair(4, 1), std::pair(4, 4), std::pair(8, 2), std::pair(8, 4)})
        check_layer({n_tokens, n_experts, n_used, dtype});
}

TEST(experts_have_biases_limits_and_widths_of_all_kinds) {
  for (const DType dtype : {DType::f32, DType::mxfp4})
    for (const int n_tokens : {1, 70}) {
      Shape shape{n_tokens, 4, 2, dtype, 64, 96, true, 1.5f, 1.0f, ActivationKind::gelu_sigmoid};
      check_layer(shape);
      shape.dtype = DType::f32;
      shape.hidden = 23;
      shape.width = 37;
      check_layer(shape);
    }
}

TEST(weights_may_be_those_of_what_experts_read) {
  for (const DType dtype : {DType::f32, DType::q8_0})
    for (const int n_tokens : {1, 2, 70}) {
      Shape shape{n_tokens, 4, 2, dtype, 64, 96, true};
      shape.weighs_inputs = true;
      check_layer(shape);
    }
}

TEST(a_token_is_the_same_whatever_else_is_in_the_batch) {
  for (const DType dtype : {DType::f32, DType::q8_0}) {
    const Layer layer({70, 4, 2, dtype, 64, 96, true});
    const std::vector<float> all = layer.run("", 1, 0, 70);
    for (const int n_threads : {2, 3}) CHECK(layer.run("", n_threads, 0, 70) == all);
    for (const auto& [first, last] : {std::pair(0, 1), std::pair(5, 7), std::pair(33, 34), std::pair(40, 70)}) {
      const std::vector<float> part = layer.run("", 2, first, last);
      CHECK(std::equal(part.begin(), part.end(), all.begin() + first * 64));
    }
  }
}

TEST_MAIN
