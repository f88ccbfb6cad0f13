// Integer matrix products over the packed layouts: a tile of rows by tokens stays in registers while the weights of a
// block, unpacked in registers, meet every token of the tile; for many tokens the weights are unpacked in memory
// before.
#include "kernels/matmul/float_tiles_simd.h"
#include "kernels/matmul/layouts.h"
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/quant_blocks_simd.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

namespace {

// Unpacking the weights first pays from this many tokens on, where registers allow wide tiles or bits lie in two
// places; elsewhere unpacked weights take longer to load than packed ones to unpack.
constexpr int kUnpackFrom = 32;
template <class L>
constexpr bool kUnpackPays = kMaxTile == 8 || L::kBits == 5 || L::kBits == 6 || L::kTable;

// kTokens tokens, from input row `token` on, against kTileVectors vectors of rows.
template <class L, int kTokens, int kTileVectors, class Blocks>
void tile(Blocks blocks, const MatmulInput& x, int token, std::size_t n_cols, float* out, std::ptrdiff_t out_stride,
          int first_vector) {
  const std::int8_t* quants[kTokens];
  const BlockMeta* meta[kTokens];
  F32 acc[kTokens][kTileVectors];
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    const std::ptrdiff_t row = x.rows ? x.rows[token + t] : token + t;
    quants[t] = x.quants + row * x.quant_stride;
    meta[t] = x.meta + row * x.meta_stride;
    for (int i = 0; i < kTileVectors; ++i) acc[t][i] = zero();
  }
  const std::size_t n_blocks = n_cols / kBlock;
  for (std::size_t block = 0; block < n_blocks; ++block, blocks.advance()) {
    blocks.begin();
    BlockWeights weights[kTileVectors];
    LLMAGENTOS_UNROLL
    for (int i = 0; i < kTileVectors; ++i) blocks.load(first_vector + i, weights[i]);
    LLMAGENTOS_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const std::int8_t* q = quants[t] + block * kBlock;
      const BlockMeta& m = meta[t][block];
      LLMAGENTOS_UNROLL
      for (int i = 0; i < kTileVectors; ++i) {
        const BlockWeights& b = weights[i];
        const F32 low = to_float(dot<kDotBits<L>, L::kZero, 4>(b.w, q, m.neg_sum[0]));
        const F32 high = to_float(dot<kDotBits<L>, L::kZero, 4>(b.w + 4, q + kHalf, m.neg_sum[1]));
        if constexpr (L::kScales == Scales::super_signed) {
          acc[t][i] = fma(mul(low, set1(m.scale[0])), b.d[0], acc[t][i]);
          acc[t][i] = fma(mul(high, set1(m.scale[1])), b.d[1], acc[t][i]);
        } else {
          acc[t][i] = fma(fma(high, set1(m.scale[1]), mul(low, set1(m.scale[0]))), b.d[0], acc[t][i]);
        }
        if constexpr (kHasMin<L>) acc[t][i] = fma(b.min, set1(m.scaled_sum), acc[t][i]);
      }
    }
  }
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t)
    for (int i = 0; i < kTileVectors; ++i) store(out + t * out_stride + (first_vector + i) * kLanes, acc[t][i]);
}

// All rows of a packed group for kTokens tokens. Narrow tiles take two vectors at once so that a stream of weights is
// read in whole cache lines; wide ones take one, for the registers. Tiles of the first tokens of several fetch the next
// group: they take so long to compute that the processor, which sees no further than its window, would wait for each
// block from memory.
template <class L, int kTokens>
void tile_rows(const std::byte* group, const MatmulInput& x, int token, std::size_t n_cols, float* out,
               std::ptrdiff_t out_stride, bool is_first) {
  constexpr int kAtOnce = kVectors == 1 ? 1 : kTokens <= 2 ? 2 : 1;
  const std::size_t ahead = !is_first ? 0 : kTokens == 1 ? x.stream_ahead : L::group_bytes(n_cols);
  for (int v = 0; v < kVectors; v += kAtOnce)
    tile<L, kTokens, kAtOnce>(PackedBlocks<L>(group, v == 0 ? ahead : 0), x, token, n_cols, out, out_stride, v);
}

template <class L>
void multiply_packed(const std::byte* group, const MatmulInput& x, int first_token, int n_tokens, std::size_t n_cols,
                     float* out, std::ptrdiff_t out_stride) {
  int t = 0;
  for (; t + kMaxTile <= n_tokens; t += kMaxTile)
    tile_rows<L, kMaxTile>(group, x, first_token + t, n_cols, out + t * out_stride, out_stride, t == 0);
  if constexpr (kMaxTile > 4)
    for (; t + 4 <= n_tokens; t += 4)
      tile_rows<L, 4>(group, x, first_token + t, n_cols, out + t * out_stride, out_stride, t == 0);
  if constexpr (kMaxTile > 2)
    for (; t + 2 <= n_tokens; t += 2)
      tile_rows<L, 2>(group, x, first_token + t, n_cols, out + t * out_stride, out_stride, t == 0);
  for (; t < n_tokens; ++t)
    tile_rows<L, 1>(group, x, first_token + t, n_cols, out + t * out_stride, out_stride, t == 0);
}

// Two vectors of rows share each broadcast activation where the registers allow: a tile then has half as many tokens.
template <class L>
void multiply_unpacked(const UnpackedBlocks<L>& blocks, int n_vectors, const MatmulInput& x, int first_token,
                       int n_tokens, std::size_t n_cols, float* out, std::ptrdiff_t out_stride) {
  int t = 0;
  const auto tiles = [&]<int kTokens, int kAtOnce>() {
    for (; t + kTokens <= n_tokens; t += kTokens)
      for (int v = 0; v < n_vectors; v += kAtOnce)
        tile<L, kTokens, kAtOnce>(blocks, x, first_token + t, n_cols, out + t * out_stride, out_stride, v);
  };
  if constexpr (kMaxTile == 8) {
    if (n_vectors % 2 == 0) tiles.template operator()<4, 2>();
    tiles.template operator()<8, 1>();
  }
  tiles.template operator()<kMaxTile == 8 ? 4 : kMaxTile, 1>();
  tiles.template operator()<1, 1>();
}

template <class L>
void multiply(const std::byte* groups, int n_groups, const MatmulInput& x, int first_token, int n_tokens,
              std::size_t n_cols, float* out, std::ptrdiff_t out_stride, float* scratch) {
  if (!kUnpackPays<L> || n_tokens < kUnpackFrom) {
    for (int g = 0; g < n_groups; ++g)
      multiply_packed<L>(groups + static_cast<std::size_t>(g) * L::group_bytes(n_cols), x, first_token, n_tokens,
                         n_cols, out + g * kRowGroup, out_stride);
    return;
  }
  using Blocks = UnpackedBlocks<L>;
  constexpr std::uintptr_t kLine = 64;
  auto* unpacked =
      reinterpret_cast<std::uint8_t*>((reinterpret_cast<std::uintptr_t>(scratch) + kLine - 1) / kLine * kLine);
  for (int g = 0; g < n_groups; ++g)
    Blocks::unpack(groups + static_cast<std::size_t>(g) * L::group_bytes(n_cols), n_cols,
                   unpacked + static_cast<std::size_t>(g) * Blocks::kBytes,
                   static_cast<std::size_t>(n_groups) * Blocks::kBytes);
  multiply_unpacked<L>(Blocks(unpacked, n_groups), n_groups * kVectors, x, first_token, n_tokens, n_cols, out,
                       out_stride);
}

}  // namespace

MultiplyFn multiply_for(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return multiply_float<DType::f32>;
    case DType::f16:
      return multiply_float<DType::f16>;
    case DType::bf16:
      return multiply_float<DType::bf16>;
    case DType::q4_0:
      return multiply<LayoutQ4_0>;
    case DType::q4_1:
      return multiply<LayoutQ4_1>;
    case DType::q5_0:
      return multiply<LayoutQ5_0>;
    case DType::q5_1:
      return multiply<LayoutQ5_1>;
    case DType::q8_0:
      return multiply<LayoutQ8_0>;
    case DType::q4_k:
      return multiply<LayoutQ4_K>;
    case DType::q5_k:
      return multiply<LayoutQ5_K>;
    case DType::q6_k:
      return multiply<LayoutQ6_K>;
    case DType::iq4_nl:
      return multiply<LayoutIQ4_NL>;
    case DType::mxfp4:
      return multiply<LayoutMXFP4>;
    default:
      return nullptr;
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
