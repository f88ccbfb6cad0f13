#include "kernels/self_check.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/half.h"
#include "kernels/matmul/packing.h"
#include "kernels/reference.h"
#include "kernels/self_check_values.h"

namespace llmagentos::kernels {
namespace {

// Random bytes are valid quants in every format; the scales are then set to small ordinary numbers.
std::vector<std::byte> random_rows(DType dtype, int n_rows, std::size_t n_cols, Random& random) {
  const DTypeInfo& info = dtype_info(dtype);
  std::vector<std::byte> rows(row_bytes(dtype, n_cols) * static_cast<std::size_t>(n_rows));
  for (std::byte& b : rows) b = static_cast<std::byte>(random.bits() >> 24);
  const auto put_half = [&](std::byte* at) {
    const std::uint16_t half = float_to_half(0.01f + 0.005f * random.symmetric());
    std::memcpy(at, &half, 2);
  };
  for (std::byte* block = rows.data(); block < rows.data() + rows.size(); block += info.block_bytes) {
    switch (dtype) {
      case DType::f32: {
        const float value = random.symmetric();
        std::memcpy(block, &value, 4);
        break;
      }
      case DType::bf16: {
        const std::uint16_t value = float_to_bfloat16(random.symmetric());
        std::memcpy(block, &value, 2);
        break;
      }
      case DType::q6_k:
        put_half(block + 208);
        break;
      case DType::mxfp4:
        *block = static_cast<std::byte>(120 + random.bits() % 8);
        break;
      case DType::q4_1:
      case DType::q5_1:
      case DType::q4_k:
      case DType::q5_k:
        put_half(block + 2);
        [[fallthrough]];
      default:
        put_half(block);
    }
  }
  return rows;
}

bool check_matmul(const MatmulKernel& kernel) {
  constexpr std::size_t kCols = 512;
  constexpr int kTokens = 45, kFew = 13;  // of every tile width, and a rest: many, and few
  Random random;
  const std::vector<std::byte> rows = random_rows(kernel.dtype, kRowGroup, kCols, random);
  const std::vector<float> x = random.floats(kTokens * kCols);
  std::vector<std::int8_t> quants(x.size());
  std::vector<BlockMeta> meta(x.size() / kBlock);
  std::vector<float> seen = x;  // the activations as the kernel sees them
  if (kernel.activation == Activation::q8) {
    reference::quantize_row(x.data(), x.size(), quants.data(), meta.data());
    for (std::size_t i = 0; i < x.size(); ++i)
      seen[i] = meta[i / kBlock].scale[i / kHalf % 2] * static_cast<float>(quants[i]);
  }
  std::vector<float> panels(x.size());
  for (int t = 0; t < kTokens; t += kPanel)
    pack_panel(&x[t * kCols], kCols, std::min(kPanel, kTokens - t), kCols, &panels[t * kCols]);
  const MatmulInput input{x.data(), kCols, panels.data(), kTokens, quants.data(), kCols, meta.data(), kCols / kBlock};
  const MatmulInput float_input{seen.data(), kCols, nullptr, 0, nullptr, 0, nullptr, 0};
  const MatmulKernel plain = reference_matmul(kernel.dtype);
  const std::size_t group_bytes = kernel.group_bytes(kCols);
  std::vector<std::byte> packed(kMaxGroups * group_bytes), plain_packed(plain.group_bytes(kCols));
  kernel.pack_group(rows.data(), row_bytes(kernel.dtype, kCols), kRowGroup, kCols, packed.data());
  std::copy_n(packed.begin(), group_bytes, packed.begin() + static_cast<std::ptrdiff_t>(group_bytes));
  plain.pack_group(rows.data(), row_bytes(kernel.dtype, kCols), kRowGroup, kCols, plain_packed.data());
  std::vector<float> scratch(scratch_floats(kCols)), fast(kTokens * kRowGroup), slow(fast.size()), single(fast.size());
  std::vector<float> few(kFew * kRowGroup), pair(kMaxGroups * fast.size());
  kernel.multiply(packed.data(), 1, input, 0, kTokens, kCols, fast.data(), kRowGroup, scratch.data());
  kernel.multiply(packed.data(), kMaxGroups, input, 0, kTokens, kCols, pair.data(), kMaxGroups * kRowGroup,
                  scratch.data());
  plain.multiply(plain_packed.data(), 1, float_input, 0, kTokens, kCols, slow.data(), kRowGroup, scratch.data());
  for (int t = 0; t < kTokens; ++t) {
    const MatmulInput alone{
        nullptr,       0, x.data() + t * kCols, 1, quants.data() + t * kCols, kCols, meta.data() + t * (kCols / kBlock),
        kCols / kBlock};
    kernel.multiply(packed.data(), 1, alone, 0, 1, kCols, single.data() + t * kRowGroup, kRowGroup, scratch.data());
  }
  const auto equal = [](const float* a, const float* b, int n) {
    return std::memcmp(a, b, static_cast<std::size_t>(n) * sizeof(float)) == 0;
  };
  for (int row = 0; row < kTokens * kMaxGroups; ++row)
    if (!equal(&pair[row * kRowGroup], &fast[row / kMaxGroups * kRowGroup], kRowGroup)) return false;
  // Few of the same: their panel is one of its own.
  pack_panel(x.data(), kCols, kFew, kCols, panels.data());
  MatmulInput few_input = input;
  few_input.n_tokens = kFew;
  kernel.multiply(packed.data(), 1, few_input, 0, kFew, kCols, few.data(), kRowGroup, scratch.data());
  return close(fast, slow, 1e-4) && equal(fast.data(), single.data(), kTokens * kRowGroup) &&
         equal(fast.data(), few.data(), kFew * kRowGroup);
}

constexpr ActivationKind kActivations[] = {
    ActivationKind::silu, ActivationKind::gelu,         ActivationKind::gelu_tanh, ActivationKind::gelu_sigmoid,
    ActivationKind::relu, ActivationKind::relu_squared, ActivationKind::tanh,      ActivationKind::sigmoid};

template <class Same>
bool activations_agree(const Same& same, const std::vector<float>& x, const std::vector<float>& w) {
  for (const ActivationKind kind : kActivations)
    if (!same([&](const KernelTable& k, auto& out) { k.activate(x.data(), x.size(), kind, out.data()); }, 1e-5) ||
        !same([&](const KernelTable& k, auto& out) { k.glu(x.data(), w.data(), x.size(), kind, out.data()); }, 1e-5))
      return false;
  return true;
}

// Bit for bit: what one quantises, the other's products may read.
bool quantizes_alike(const KernelTable& table, const KernelTable& plain, const std::vector<float>& x) {
  std::vector<std::int8_t> fast(x.size()), slow(x.size());
  std::vector<BlockMeta> fast_meta(x.size() / kBlock), slow_meta(fast_meta.size());
  table.quantize_row(x.data(), x.size(), fast.data(), fast_meta.data());
  plain.quantize_row(x.data(), x.size(), slow.data(), slow_meta.data());
  return fast == slow && fast_meta == slow_meta;
}

bool check_rows(const KernelTable& table, const KernelTable& plain) {
  constexpr std::size_t kSize = 224;
  Random random;
  const std::vector<float> x = random.floats(kSize), w = random.floats(kSize);
  const auto same = [&](auto run, double tolerance) {
    std::vector<float> fast(kSize), slow(kSize);
    run(table, fast);
    run(plain, slow);
    return close(fast, slow, tolerance);
  };
  return same([&](const KernelTable& k, auto& out) { k.rms_norm(x.data(), w.data(), kSize, 1e-6f, out.data()); },
              1e-5) &&
         same([&](const KernelTable& k,
                  auto& out) { k.layer_norm(x.data(), w.data(), w.data(), kSize, 1e-6f, out.data()); },
              1e-5) &&
         activations_agree(same, x, w) &&
         same([&](const KernelTable& k, auto& out) { k.softcap((out = x).data(), kSize, 0.5f); }, 1e-5) &&
         same([&](const KernelTable& k,
                  auto& out) { k.rope((out = x).data(), kSize, w.data(), w.data() + kSize / 2, RopePairs::halves); },
              1e-6) &&
         same([&](const KernelTable& k,
                  auto& out) { k.rope((out = x).data(), kSize, w.data(), w.data() + kSize / 2, RopePairs::adjacent); },
              1e-6) &&
         quantizes_alike(table, plain, x);
}

}  // namespace

bool agrees_with_reference(const MatmulKernel& kernel) {
  static std::mutex mutex;
  static std::map<std::pair<DType, MultiplyFn>, bool> results;
  const std::lock_guard lock(mutex);
  const auto key = std::pair(kernel.dtype, kernel.multiply);
  const auto found = results.find(key);
  if (found != results.end()) return found->second;
  return results[key] = check_matmul(kernel);
}

void replace_faulty(KernelTable& table, const KernelTable& fallback) {
  if (!check_rows(table, fallback)) {
    std::fprintf(stderr,
                 "llmagentos: the %s row kernels disagree with the reference on this machine; using the reference\n",
                 table.isa);
    table.quantize_row = fallback.quantize_row;
    table.rms_norm = fallback.rms_norm;
    table.layer_norm = fallback.layer_norm;
    table.rope = fallback.rope;
    table.activate = fallback.activate;
    table.glu = fallback.glu;
    table.softcap = fallback.softcap;
  }
  if (!attention_agrees(table, fallback)) {
    std::fprintf(stderr,
                 "llmagentos: the %s attention disagrees with the reference on this machine; using the reference\n",
                 table.isa);
    table.attend = fallback.attend;
    table.merge_attention = fallback.merge_attention;
    table.store_kv = fallback.store_kv;
  }
}

}  // namespace llmagentos::kernels
