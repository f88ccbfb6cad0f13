// That the self-check sees each kernel's faults, replaces those that belong together and says so, and keeps what is
// right.
#include "kernels/self_check.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/matmul/packing.h"
#include "kernels/reference.h"
#include "kernels/registry.h"

using namespace llmagentos;
using namespace llmagentos::kernels;

namespace {

// What is written to stderr meanwhile.
template <class Run>
std::string stderr_of(const Run& run) {
  std::FILE* const file = std::tmpfile();
  std::fflush(stderr);
  const int before = dup(2);
  dup2(fileno(file), 2);
  run();
  std::fflush(stderr);
  dup2(before, 2);
  close(before);
  std::rewind(file);
  std::string text(1000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

// A function of one's own that does what the reference does.
template <auto kFunction>
struct Twin;
template <class... Args, void (*kFunction)(Args...)>
struct Twin<kFunction> {
  static void run(Args... args) { kFunction(args...); }
};

constexpr KernelTable kRight = {
    "made-up",
    nullptr,
    Twin<&reference::quantize_row>::run,
    Twin<&reference::rms_norm>::run,
    Twin<&reference::layer_norm>::run,
    Twin<&reference::rope>::run,
    Twin<&reference::activate>::run,
    Twin<&reference::glu>::run,
    Twin<&reference::softcap>::run,
    Twin<&reference::attend>::run,
    Twin<&reference::merge_attention>::run,
    Twin<&reference::store_kv>::run,
};

bool has_rows_of(const KernelTable& a, const KernelTable& b) {
  return a.quantize_row == b.quantize_row && a.rms_norm == b.rms_norm && a.layer_norm == b.layer_norm &&
         a.rope == b.rope && a.activate == b.activate && a.glu == b.glu && a.softcap == b.softcap;
}

bool has_attention_of(const KernelTable& a, const KernelTable& b) {
  return a.attend == b.attend && a.merge_attention == b.merge_attention && a.store_kv == b.store_kv;
}

struct Checked {
  KernelTable table;
  std::string warning;
};

const KernelTable& plain() {
  static const KernelTable table = select_kernels("reference").table();
  return table;
}

// The right table but for one entry.
template <class Function>
Checked checked_with(Function* KernelTable::* entry, Function* wrong) {
  Checked checked{kRight, ""};
  checked.table.*entry = wrong;
  checked.warning = stderr_of([&] { replace_faulty(checked.table, plain()); });
  return checked;
}

template <class Function>
void row_fault_is_seen(Function* KernelTable::* entry, Function* wrong) {
  const auto [table, warning] = checked_with(entry, wrong);
  CHECK(has_rows_of(table, plain()) && has_attention_of(table, kRight));
  CHECK(warning.find("the made-up row kernels disagree") != std::string::npos);
  CHECK(warning.find("attention") == std::string::npos);
}

template <class Function>
void attention_fault_is_seen(Function* KernelTable::* entry, Function* wrong) {
  const auto [table, warning] = checked_with(entry, wrong);
  CHECK(has_attention_of(table, plain()) && has_rows_of(table, kRight));
  CHECK(warning.find("the made-up attention disagrees") != std::string::npos);
  CHECK(warning.find("row kernels") == std::string::npos);
}

// A kind's activation, 1 % off where x is above a half.
template <ActivationKind kWrong>
void wrong_activate(const float* x, std::size_t n, ActivationKind kind, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const float given = x[i];
    reference::activate(&given, 1, kind, out + i);
    if (kind == kWrong && given > 0.5f) out[i] *= 1.01f;
  }
}

template <ActivationKind... kKinds>
void each_activation_is_checked() {
  (row_fault_is_seen<Activate>(&KernelTable::activate, wrong_activate<kKinds>), ...);
}

// Attention that forgets one of a tile's settings.
template <auto kSetting>
void forgetful(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state, float* scratch) {
  AttentionTile changed = tile;
  changed.*kSetting = {};
  reference::attend(changed, first_span, last_span, state, scratch);
}

template <auto... kSettings>
void each_setting_is_checked() {
  (attention_fault_is_seen<Attend>(&KernelTable::attend, forgetful<kSettings>), ...);
}

// Right only for tiles of certain shapes: a row's last value is off in others.
template <int kHeadDims, int kRows>
void wrong_at(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state, float* scratch) {
  reference::attend(tile, first_span, last_span, state, scratch);
  if (tile.head_dim % 32 == kHeadDims || tile.n_rows() % 4 == kRows)
    state.values[tile.n_rows() * tile.head_dim - 1] += 0.01f * state.sums[tile.n_rows() - 1];
}

// Right only for tiles of fewer rows or narrower heads.
template <int kRows, int kHeadDim>
void wrong_from(const AttentionTile& tile, int first_span, int last_span, const AttentionState& state, float* scratch) {
  reference::attend(tile, first_span, last_span, state, scratch);
  if (tile.n_rows() >= kRows && tile.head_dim >= kHeadDim) state.values[0] += 0.01f * state.sums[0];
}

// A product over the packed form of float32, in the simplest way.
void multiply(const std::byte* groups, int n_groups, const MatmulInput& x, int first_token, int n_tokens,
              std::size_t n_cols, float* out, std::ptrdiff_t out_stride, float*) {
  const MatmulKernel& format = *packed_format(DType::f32);
  std::vector<float> weights(n_cols);
  for (int row = 0; row < n_groups * kRowGroup; ++row) {
    const std::byte* group = groups + static_cast<std::size_t>(row / kRowGroup) * format.group_bytes(n_cols);
    format.decode_row(group, row % kRowGroup, n_cols, weights.data());
    for (int t = 0; t < n_tokens; ++t) {
      const int token = first_token + t, begin = token / kPanel * kPanel;
      const auto width = static_cast<std::size_t>(std::min(kPanel, x.n_tokens - begin));
      const float* values = x.panels + static_cast<std::size_t>(begin) * n_cols + (token - begin);
      float sum = 0;
      for (std::size_t k = 0; k < n_cols; ++k) sum += weights[k] * values[k * width];
      out[t * out_stride + row] = sum;
    }
  }
}

// The same, but for what `fault` makes of an output of (n_groups, n_tokens).
template <class Fault>
MultiplyFn faulty(Fault) {
  return [](const std::byte* groups, int n_groups, const MatmulInput& x, int first_token, int n_tokens,
            std::size_t n_cols, float* out, std::ptrdiff_t out_stride, float* scratch) {
    multiply(groups, n_groups, x, first_token, n_tokens, n_cols, out, out_stride, scratch);
    float& last = out[(n_tokens - 1) * out_stride + n_groups * kRowGroup - 1];
    last = Fault{}(last, n_groups, n_tokens);
  };
}

bool agrees(MultiplyFn function) {
  MatmulKernel kernel = *packed_format(DType::f32);
  kernel.multiply = function;
  return agrees_with_reference(kernel);
}

float next(float x) { return std::nextafter(x, std::numeric_limits<float>::infinity()); }

}  // namespace

TEST(right_kernels_are_kept_in_silence) {
  KernelTable table = kRight;
  CHECK(stderr_of([&] { replace_faulty(table, plain()); }).empty());
  CHECK(has_rows_of(table, kRight) && has_attention_of(table, kRight));
  for (const std::string& isa : available_isas()) {
    std::string text = stderr_of([&] { table = select_kernels(isa).table(); });
    CHECK(text.empty());
    CHECK(has_rows_of(table, plain()) == (isa == "reference") &&
          has_attention_of(table, plain()) == (isa == "reference"));
  }
}

TEST(a_fault_of_any_row_kernel_replaces_them_all) {
  row_fault_is_seen<QuantizeRow>(&KernelTable::quantize_row,
                                 [](const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta) {
                                   reference::quantize_row(x, n, quants, meta);
                                   quants[n - 1] = static_cast<std::int8_t>(quants[n - 1] ^ 1);
                                 });
  row_fault_is_seen<QuantizeRow>(&KernelTable::quantize_row,
                                 [](const float* x, std::size_t n, std::int8_t* quants, BlockMeta* meta) {
                                   reference::quantize_row(x, n, quants, meta);
                                   meta[0].neg_sum[1] = static_cast<std::int16_t>(meta[0].neg_sum[1] + 1);
                                 });
  row_fault_is_seen<RmsNorm>(&KernelTable::rms_norm,
                             [](const float* x, const float* weight, std::size_t n, float eps, float* out) {
                               reference::rms_norm(x, weight, n, eps, out);
                               out[n - 1] *= 1.01f;
                             });
  row_fault_is_seen<LayerNorm>(&KernelTable::layer_norm,
                               [](const float* x, const float* weight, const float*, std::size_t n, float eps,
                                  float* out) { reference::layer_norm(x, weight, nullptr, n, eps, out); });
  row_fault_is_seen<Rope>(&KernelTable::rope, [](float* x, std::size_t n, const float* cos, const float* sin,
                                                 RopePairs) { reference::rope(x, n, cos, sin, RopePairs::halves); });
  row_fault_is_seen<Rope>(&KernelTable::rope, [](float* x, std::size_t n, const float* cos, const float* sin,
                                                 RopePairs) { reference::rope(x, n, cos, sin, RopePairs::adjacent); });
  row_fault_is_seen<Glu>(&KernelTable::glu, [](const float* gate, const float*, std::size_t n, ActivationKind kind,
                                               float* out) { reference::activate(gate, n, kind, out); });
  row_fault_is_seen<Softcap>(&KernelTable::softcap, [](float*, std::size_t, float) {});
  using enum ActivationKind;
  each_activation_is_checked<silu, gelu, gelu_tanh, gelu_sigmoid, relu, relu_squared, ActivationKind::tanh, sigmoid>();
}

TEST(attention_that_forgets_a_setting_is_replaced) {
  each_setting_is_checked<&AttentionTile::n_keys, &AttentionTile::window, &AttentionTile::chunk,
                          &AttentionTile::softcap, &AttentionTile::bias>();
}

TEST(attention_that_is_wrong_for_some_heads_or_rows_is_replaced) {
  constexpr int kNone = -1;
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_at<0, kNone>);
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_at<16, kNone>);
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_at<kNone, 1>);
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_at<kNone, 2>);
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_at<kNone, 3>);
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_from<12, 0>);
  attention_fault_is_seen<Attend>(&KernelTable::attend, wrong_from<0, 64>);
  attention_fault_is_seen<Attend>(&KernelTable::attend,
                                  [](const AttentionTile& tile, int, int, const AttentionState& state, float*) {
                                    std::fill_n(state.values, tile.n_rows() * tile.head_dim, std::nanf(""));
                                    std::fill_n(state.sums, tile.n_rows(), 1.0f);
                                  });
}

TEST(a_fault_of_what_attention_reads_or_merges_replaces_it) {
  attention_fault_is_seen<MergeAttention>(&KernelTable::merge_attention,
                                          [](const AttentionState&, const AttentionState&, int, int) {});
  attention_fault_is_seen<StoreKv>(&KernelTable::store_kv, [](const float* k, const float* v, int head_dim, int slot,
                                                              std::byte* k_tile, std::byte* v_tile, KvType type) {
    reference::store_kv(k, v, head_dim, type == KvType::i8 ? slot ^ 1 : slot, k_tile, v_tile, type);
  });
  attention_fault_is_seen<StoreKv>(&KernelTable::store_kv, [](const float* k, const float*, int head_dim, int slot,
                                                              std::byte* k_tile, std::byte* v_tile, KvType type) {
    reference::store_kv(k, k, head_dim, slot, k_tile, v_tile, type);
  });
}

TEST(a_right_product_agrees) {
  CHECK(agrees(multiply));
  CHECK(agrees(faulty([](float x, int, int) { return x; })));
}

TEST(a_wrong_product_is_seen_wherever_it_is_wrong) {
  CHECK(!agrees(faulty([](float x, int, int) { return 1.01f * x; })));
  CHECK(!agrees(faulty([](float, int, int) { return std::nanf(""); })));
  // What must not depend on the number of tokens or groups is compared bit for bit.
  CHECK(!agrees(faulty([](float x, int, int n_tokens) { return n_tokens == 1 ? next(x) : x; })));
  CHECK(!agrees(faulty([](float x, int, int n_tokens) { return n_tokens > 32 ? next(x) : x; })));
  CHECK(!agrees(faulty([](float x, int, int n_tokens) { return n_tokens > 1 && n_tokens < 16 ? next(x) : x; })));
  CHECK(!agrees(faulty([](float x, int n_groups, int) { return n_groups == 2 ? next(x) : x; })));
}

TEST(a_set_takes_the_reference_for_a_wrong_product_and_says_so) {
  KernelTable table = kRight;
  table.multiply_for = [](DType) -> MultiplyFn { return faulty([](float x, int, int) { return 2 * x; }); };
  MatmulKernel chosen;
  const std::string warning = stderr_of([&] { chosen = KernelSet(table).matmul(DType::f32, 64); });
  CHECK(chosen.multiply == reference_matmul(DType::f32).multiply);
  CHECK(warning.find("the made-up product for F32 disagrees") != std::string::npos);
  table.multiply_for = [](DType) -> MultiplyFn { return multiply; };
  CHECK(stderr_of([&] { chosen = KernelSet(table).matmul(DType::f32, 64); }).empty());
  CHECK(chosen.multiply == multiply);
}

TEST_MAIN
