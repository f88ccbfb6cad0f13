// The kernels of every ISA that this machine has give the same bits as over its model, also beyond what the reference
// can be compared on: weights and activations at their ends, infinities, NaN, denormals, ties.
#include <algorithm>
#include <string>

#include "check.h"
#include "kernel_inputs.h"
#include "kernels/matmul/packing.h"
#include "kernels/registry.h"
#include "same_bits.h"
#include "simd_models.h"

namespace {

constexpr float kEdges[] = {0.0f,    -0.0f,  1e-45f,  -1e-40f,        1e-30f,    0.5f,       -87.33655f, 88.4f,
                            1000.0f, 65504., 65520.f, 3.4028235e+38f, HUGE_VALF, -HUGE_VALF, NAN};

// Ordinary numbers, one in `every` an edge.
std::vector<float> with_edges(std::size_t n, float deviation, unsigned every) {
  std::vector<float> out = normal(n, deviation);
  for (float& x : out)
    if (generator() % every == 0) x = kEdges[generator() % std::size(kEdges)];
  return out;
}

template <class F>
void for_every_pair(F f) {
  const std::vector<std::string> isas = available_isas();
  for (const SimdModel& model : simd_models())
    if (std::find(isas.begin(), isas.end(), model.isa) != isas.end())
      f(select_kernels(model.isa).table(), *model.table);
}

// Quants of one byte, or random, or at random ends.
enum class Fill { random, ends, zeros, ones, most, least };

std::uint8_t byte_of(Fill fill) {
  constexpr std::uint8_t kEnds[] = {0x00, 0xff, 0x7f, 0x80};
  const auto random = static_cast<std::uint8_t>(generator() >> 24);
  switch (fill) {
    case Fill::ends:
      return kEnds[random & 3];
    case Fill::zeros:
      return 0x00;
    case Fill::ones:
      return 0xff;
    case Fill::most:
      return 0x7f;
    case Fill::least:
      return 0x80;
    default:
      return random;
  }
}

std::vector<std::byte> packed_group(const MatmulKernel& format, std::size_t n_cols, Fill fill) {
  const std::size_t stride = row_bytes(format.dtype, n_cols);
  std::vector<std::byte> rows(stride * kRowGroup), packed(format.group_bytes(n_cols));
  if (format.activation == Activation::panels) {
    rows = rows_of(format.dtype, n_cols, kRowGroup, with_edges(n_cols * kRowGroup, 1.0f, 200));
  } else {
    for (std::byte& b : rows) b = static_cast<std::byte>(byte_of(fill));
    // Edges among the scales only of random quants: a NaN would hide everything else in its row.
    const unsigned every = fill == Fill::random ? 20 : ~0u;
    for (std::size_t at = 0; at < rows.size(); at += dtype_info(format.dtype).block_bytes)
      put_scales(format.dtype, &rows[at], with_edges(1, 0.01f, every)[0], with_edges(1, 0.01f, every)[0]);
  }
  format.pack_group(rows.data(), stride, kRowGroup, n_cols, packed.data());
  return packed;
}

struct Activations {
  std::vector<float> panels;
  std::vector<std::int8_t> quants;
  std::vector<BlockMeta> meta;
  MatmulInput input(std::size_t n_cols) const {
    const auto width = static_cast<std::ptrdiff_t>(n_cols);
    return {nullptr,       0,     panels.data(), static_cast<int>(panels.size() / n_cols),
            quants.data(), width, meta.data(),   width / kBlock};
  }
};

Activations activations(std::size_t n_tokens, std::size_t n_cols, Fill fill) {
  Activations out{panels_of(with_edges(n_tokens * n_cols, 1.0f, 500), n_cols), {}, {}};
  const std::size_t n_blocks = n_tokens * (n_cols / kBlock);
  out.quants.resize(n_tokens * n_cols);
  for (std::int8_t& q : out.quants) {
    const auto value = static_cast<std::int8_t>(byte_of(fill));
    q = value == -128 ? std::int8_t{-127} : value;
    if (fill == Fill::ends) q = value & 1 ? std::int8_t{127} : std::int8_t{-127};
  }
  for (std::size_t block = 0; block < n_blocks; ++block) {
    BlockMeta m{};
    for (int half = 0; half < 2; ++half) {
      int sum = 0;
      for (int i = 0; i < kHalf; ++i) sum += out.quants[block * kBlock + static_cast<std::size_t>(half * kHalf + i)];
      m.scale[half] = with_edges(1, 0.1f, 100)[0];
      m.neg_sum[half] = static_cast<std::int16_t>(-sum);
      m.scaled_sum += m.scale[half] * static_cast<float>(sum);
    }
    out.meta.push_back(m);
  }
  return out;
}

// Of two groups, which differ.
void compare_products(const KernelTable& machine, const KernelTable& model, const MatmulKernel& format, int n_tokens,
                      std::size_t n_cols, Fill weights, Fill inputs) {
  std::vector<std::byte> packed = packed_group(format, n_cols, weights);
  const std::vector<std::byte> second = packed_group(format, n_cols, Fill::random);
  packed.insert(packed.end(), second.begin(), second.end());
  const Activations x = activations(static_cast<std::size_t>(n_tokens), n_cols, inputs);
  constexpr int kRows = kMaxGroups * kRowGroup;
  std::vector<float> a(static_cast<std::size_t>(n_tokens * kRows)), b(a.size()), scratch(scratch_floats(n_cols));
  machine.multiply_for(format.dtype)(packed.data(), kMaxGroups, x.input(n_cols), 0, n_tokens, n_cols, a.data(), kRows,
                                     scratch.data());
  model.multiply_for(format.dtype)(packed.data(), kMaxGroups, x.input(n_cols), 0, n_tokens, n_cols, b.data(), kRows,
                                   scratch.data());
  CHECK(same_bits(a, b));
}

bool same_meta(const BlockMeta& a, const BlockMeta& b) {
  return same_bits(a.scale[0], b.scale[0]) && same_bits(a.scale[1], b.scale[1]) &&
         same_bits(a.scaled_sum, b.scaled_sum) && a.neg_sum[0] == b.neg_sum[0] && a.neg_sum[1] == b.neg_sum[1];
}

bool same_cache(const Cache& a, const Cache& b, KvType type) {
  if (type != KvType::f16 || a.pool.size() != b.pool.size()) return a.pool == b.pool;
  const auto* x = reinterpret_cast<const std::uint16_t*>(a.pool.data());
  const auto* y = reinterpret_cast<const std::uint16_t*>(b.pool.data());
  return std::equal(x, x + a.pool.size() / 2, y, [](std::uint16_t p, std::uint16_t q) { return same_bits(p, q); });
}

void compare_attention(const KernelTable& machine, const KernelTable& model, const AttentionShape& shape, KvType type,
                       bool edges) {
  const int dim = shape.dim, rows = shape.rows();
  Cache cache = make_cache(machine.store_kv, shape.length, dim, type, 5);
  CHECK(same_cache(cache, make_cache(model.store_kv, shape.length, dim, type, 5), type));
  if (edges)
    for (int i = 0; i < 3; ++i) {
      const float x = kEdges[generator() % std::size(kEdges)];
      const std::uint16_t half = float_to_half(x);
      // Among int8 elements, four of any value or one scale.
      const std::size_t size = type == KvType::f16 ? 2 : 4;
      std::memcpy(&cache.pool[generator() % (cache.pool.size() / size) * size],
                  type == KvType::f16 ? static_cast<const void*>(&half) : &x, size);
    }
  const std::vector<float> q = edges ? with_edges(static_cast<std::size_t>(rows * dim), 1.0f, 500)
                                     : normal(static_cast<std::size_t>(rows * dim), 2.0f);
  const AttentionTile tile = tile_of(shape, cache, type, q.data());
  std::vector<float> scratch(attention_scratch(rows, dim));
  Attended a(rows, dim), b(rows, dim), late_a(rows, dim), late_b(rows, dim);
  const auto same = [](const Attended& x, const Attended& y) {
    return same_bits(x.values, y.values) && same_bits(x.maxima, y.maxima) && same_bits(x.sums, y.sums);
  };
  machine.attend(tile, 0, shape.spans(), a.state(), scratch.data());
  model.attend(tile, 0, shape.spans(), b.state(), scratch.data());
  CHECK(same(a, b));
  machine.attend(tile, shape.spans() - 1, shape.spans(), late_a.state(), scratch.data());
  model.attend(tile, shape.spans() - 1, shape.spans(), late_b.state(), scratch.data());
  CHECK(same(late_a, late_b));
  machine.merge_attention(a.state(), late_a.state(), rows, dim);
  model.merge_attention(b.state(), late_b.state(), rows, dim);
  CHECK(same(a, b));
}

}  // namespace

TEST(products_equal_the_models) {
  for_every_pair([](const KernelTable& machine, const KernelTable& model) {
    std::size_t n_formats = 0;
    const DTypeInfo* formats = dtype_table(n_formats);
    for (std::size_t f = 0; f < n_formats; ++f) {
      const MatmulKernel* format = packed_format(formats[f].dtype);
      CHECK((machine.multiply_for(formats[f].dtype) == nullptr) == (model.multiply_for(formats[f].dtype) == nullptr));
      if (!format || !machine.multiply_for(formats[f].dtype)) continue;
      // Every number of tokens, and odd numbers of blocks, against quants of every kind.
      for (const int n_tokens : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 20, 32, 33, 47})
        for (const Fill inputs : {Fill::random, Fill::ends, n_tokens % 2 ? Fill::most : Fill::least}) {
          const auto weights = static_cast<Fill>(generator() % 6);
          const std::size_t unit = formats[f].block_elements;
          const std::size_t n_cols = unit == 1 ? 37 : unit == 256 && n_tokens > 4 ? 256 : 3 * unit;
          compare_products(machine, model, *format, n_tokens, n_cols, weights, inputs);
        }
      for (const Fill weights : {Fill::random, Fill::ends, Fill::zeros, Fill::ones, Fill::most, Fill::least})
        for (const Fill inputs : {Fill::ends, Fill::most, Fill::least})
          compare_products(machine, model, *format, 1, formats[f].block_elements == 1 ? 5 : 256, weights, inputs);
    }
  });
}

TEST(quantised_rows_equal_the_models) {
  std::vector<std::vector<float>> inputs;
  for (const float scale : {0.0f, 1e-45f, 1e-40f, 1e-30f, 1.0f, 1e30f, 1e38f}) inputs.push_back(normal(64, scale));
  for (const float edge : kEdges) {
    inputs.push_back(std::vector<float>(64, edge));
    inputs.push_back(normal(64));
    inputs.back()[generator() % 64] = edge;
  }
  for (int i = 0; i < 100; ++i) inputs.push_back(with_edges(64, 1.0f, 30));
  // Ties: a largest magnitude of 127 makes the scale 1.
  std::vector<float>& ties = inputs.emplace_back(64);
  for (std::size_t i = 0; i < 64; ++i) ties[i] = i % 16 == 15 ? 127.0f : static_cast<float>(i) - 31.5f;
  for_every_pair([&](const KernelTable& machine, const KernelTable& model) {
    for (const std::vector<float>& x : inputs) {
      std::vector<std::int8_t> a(64), b(64);
      BlockMeta meta_a[2], meta_b[2];
      machine.quantize_row(x.data(), 64, a.data(), meta_a);
      model.quantize_row(x.data(), 64, b.data(), meta_b);
      CHECK(a == b);
      CHECK(same_meta(meta_a[0], meta_b[0]) && same_meta(meta_a[1], meta_b[1]));
    }
  });
}

TEST(row_kernels_equal_the_models) {
  for_every_pair([](const KernelTable& machine, const KernelTable& model) {
    for (const std::size_t n : {1u, 2u, 7u, 16u, 33u, 100u, 576u})
      for (const unsigned every : {~0u, 100u, 2u}) {
        const std::vector<float> x = with_edges(n, 5.0f, every), y = with_edges(n, 1.0f, every);
        const auto same = [&](auto run) {
          std::vector<float> a = x, b = x;
          run(machine, a.data());
          run(model, b.data());
          return same_bits(a, b);
        };
        for (const float eps : {0.0f, 1e-6f})
          CHECK(same([&](const KernelTable& k, float* out) { k.rms_norm(x.data(), y.data(), n, eps, out); }));
        for (const float* bias : {static_cast<const float*>(nullptr), y.data()})
          CHECK(same([&](const KernelTable& k, float* out) { k.layer_norm(x.data(), y.data(), bias, n, 1e-6f, out); }));
        for (const ActivationKind kind :
             {ActivationKind::silu, ActivationKind::gelu, ActivationKind::gelu_tanh, ActivationKind::gelu_sigmoid,
              ActivationKind::relu, ActivationKind::relu_squared, ActivationKind::tanh, ActivationKind::sigmoid}) {
          CHECK(same([&](const KernelTable& k, float* out) { k.activate(x.data(), n, kind, out); }));
          CHECK(same([&](const KernelTable& k, float* out) { k.glu(x.data(), y.data(), n, kind, out); }));
        }
        for (const float cap : {0.5f, 50.0f})
          CHECK(same([&](const KernelTable& k, float* out) { k.softcap(out, n, cap); }));
        for (const RopePairs pairs : {RopePairs::halves, RopePairs::adjacent})
          CHECK(same(
              [&](const KernelTable& k, float* out) { k.rope(out, n / 2 * 2, y.data(), y.data() + n / 2, pairs); }));
      }
  });
}

TEST(attention_equals_the_models) {
  for_every_pair([](const KernelTable& machine, const KernelTable& model) {
    for (const KvType type : {KvType::f16, KvType::f32, KvType::i8})
      for (const bool edges : {false, true}) {
        compare_attention(machine, model, {64, 3, 1, 1, 0, 0}, type, edges);
        compare_attention(machine, model, {64, 3, 3, 300, 0, 0}, type, edges);
        compare_attention(machine, model, {64, 3, 7, 161, 100, 30.0f}, type, edges);
        compare_attention(machine, model, {48, 1, 5, 129, 16, 5.0f}, type, edges);
        compare_attention(machine, model, {256, 4, 1, 40, 0, 0}, type, edges);
        compare_attention(machine, model, {80, 2, 3, 3, 0, 0}, type, edges);
      }
  });
}

TEST(stored_keys_and_values_equal_the_models) {
  for_every_pair([](const KernelTable& machine, const KernelTable& model) {
    for (const KvType type : {KvType::f16, KvType::f32, KvType::i8})
      for (int slot = 0; slot < kKvBlock; ++slot) {
        const std::vector<float> k = with_edges(48, 1.0f, 2), v = with_edges(48, 30000.0f, 2);
        const std::size_t tile_bytes = kv_tile_bytes(48, type);
        Cache a{std::vector<std::byte>(2 * tile_bytes), {}, tile_bytes}, b = a;
        machine.store_kv(k.data(), v.data(), 48, slot, a.pool.data(), a.pool.data() + tile_bytes, type);
        model.store_kv(k.data(), v.data(), 48, slot, b.pool.data(), b.pool.data() + tile_bytes, type);
        CHECK(same_cache(a, b, type));
      }
  });
}

TEST(probes_equal_the_models) {
  const std::vector<std::string> isas = available_isas();
  for (const SimdModel& model : simd_models()) {
    if (std::find(isas.begin(), isas.end(), model.isa) == isas.end()) continue;
    const ProbeKernels& machine = probe_kernels(model.isa);
    const std::vector<float> data = normal(3 * kReadStep);
    CHECK(same_bits(machine.fma(3), model.probe->fma(3)));
    CHECK(machine.dot(3) == model.probe->dot(3));
    CHECK(same_bits(machine.read(data.data(), data.size()), model.probe->read(data.data(), data.size())));
    CHECK(machine.fma_per_round == model.probe->fma_per_round && machine.dot_per_round == model.probe->dot_per_round);
  }
}

TEST_MAIN
