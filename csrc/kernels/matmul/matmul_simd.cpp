// Integer matrix products over the packed layouts: one tile of kRowGroup rows by 1..kMaxTile tokens stays in registers
// while the weights of a block, unpacked once, meet every token of the tile.
#include "kernels/matmul/layouts.h"
#include "kernels/matmul/matmul.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;

namespace {

using namespace simd;

constexpr int kVectors = kRowGroup / kLanes;  // vectors that hold one float per row of a group
constexpr int kVectorBytes = 4 * kLanes;

// The quants of vector v of a block as eight vectors of unsigned bytes: w[g] holds columns 4g..4g+3.
template <class L>
inline void load_quants(const std::uint8_t* quants, int v, U8 (&w)[8]) {
  const std::uint8_t* base = quants + v * kVectorBytes;
  if constexpr (L::kBits == 8) {
    for (int g = 0; g < 8; ++g) w[g] = load_u8(base + 64 * g);
  } else {
    for (int j = 0; j < 4; ++j) {
      const U8 packed = load_u8(base + 64 * j);
      w[j] = and_u8(packed, 0x0f);
      w[j + 4] = and_u8(shift_right<4>(packed), 0x0f);
    }
  }
  if constexpr (L::kBits == 5) {
    const U8 high = load_u8(base + 256);
    w[0] = or_u8(w[0], and_u8(shift_left<4>(high), 0x10));
    w[1] = or_u8(w[1], and_u8(shift_left<3>(high), 0x10));
    w[2] = or_u8(w[2], and_u8(shift_left<2>(high), 0x10));
    w[3] = or_u8(w[3], and_u8(shift_left<1>(high), 0x10));
    w[4] = or_u8(w[4], and_u8(high, 0x10));
    w[5] = or_u8(w[5], and_u8(shift_right<1>(high), 0x10));
    w[6] = or_u8(w[6], and_u8(shift_right<2>(high), 0x10));
    w[7] = or_u8(w[7], and_u8(shift_right<3>(high), 0x10));
  }
  if constexpr (L::kBits == 6) {
    for (int h = 0; h < 2; ++h) {
      const U8 high = load_u8(base + 256 + 64 * h);
      w[4 * h + 0] = or_u8(w[4 * h + 0], and_u8(shift_left<4>(high), 0x30));
      w[4 * h + 1] = or_u8(w[4 * h + 1], and_u8(shift_left<2>(high), 0x30));
      w[4 * h + 2] = or_u8(w[4 * h + 2], and_u8(high, 0x30));
      w[4 * h + 3] = or_u8(w[4 * h + 3], and_u8(shift_right<2>(high), 0x30));
    }
  }
  if constexpr (L::kTable) {
    for (int g = 0; g < 8; ++g) w[g] = table16(kQuantTable<L>, w[g]);
  }
}

inline F32 load_exponents(const std::uint8_t* p) {
  // 2^(e - 128); e = 0 and 1 give the subnormals 2^-128 and 2^-127.
  alignas(64) std::uint32_t bits[kLanes];
  for (int i = 0; i < kLanes; ++i)
    bits[i] = p[i] < 2 ? (p[i] == 0 ? 0x00200000u : 0x00400000u) : static_cast<std::uint32_t>(p[i] - 1) << 23;
  return load(reinterpret_cast<const float*>(bits));
}

// Columns in blocks: the weights of a table format are looked up to 8-bit values.
template <class L>
constexpr int kDotBits = L::kTable ? 8 : L::kBits;

// Asks for `n` bytes of the group after this one, into the second-level cache. Several tokens take so long to compute
// that the processor, which sees no further than its window, would wait for each block from memory.
inline void prefetch_next(const std::uint8_t* bytes, std::size_t group_bytes, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 64) __builtin_prefetch(bytes + group_bytes + i, 0, 2);
}

// Tiles of the first tokens of several fetch the next group.
template <class L, int kTokens, int kTileVectors>
void tile(const std::byte* group, const MatmulInput& x, int token, std::size_t n_cols, float* out,
          std::ptrdiff_t out_stride, int first_vector, bool is_first) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(group);
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
  const std::size_t group_bytes = n_blocks / L::kBlocks * L::kSuperBytes;
  const bool fetches = kTokens >= 2 && is_first && first_vector == 0;
  for (std::size_t super = 0; super < n_blocks; super += L::kBlocks) {
    const std::uint8_t* header = bytes;
    bytes += L::kHeaderBytes;
    for (int b = 0; b < L::kBlocks; ++b) {
      const std::size_t block = super + static_cast<std::size_t>(b);
      if (fetches) prefetch_next(bytes, group_bytes, L::kBlockBytes);
      LLMAGENTOS_UNROLL
      for (int i = 0; i < kTileVectors; ++i) {
        const int v = first_vector + i;
        const int lane = v * kLanes;
        U8 w[8];
        load_quants<L>(bytes + L::kScaleBytes, v, w);
        const auto half_at = [lane](const std::uint8_t* p) {
          return load_half(reinterpret_cast<const std::uint16_t*>(p) + lane);
        };
        // Weight scales of the two halves: one and the same but for the formats that scale every 16 columns.
        F32 d[2], min = zero();
        if constexpr (L::kScales == Scales::super_signed) {
          const auto* sub_scales = reinterpret_cast<const std::int8_t*>(bytes) + lane;
          d[0] = mul(half_at(header), load_i8_as_float(sub_scales));
          d[1] = mul(half_at(header), load_i8_as_float(sub_scales + kRowGroup));
        } else if constexpr (L::kScales == Scales::super_min) {
          d[0] = d[1] = mul(half_at(header), load_u8_as_float(bytes + lane));
          min = sub(zero(), mul(half_at(header + 32), load_u8_as_float(bytes + kRowGroup + lane)));
        } else if constexpr (L::kScales == Scales::exponent) {
          d[0] = d[1] = load_exponents(bytes + lane);
        } else {
          d[0] = d[1] = half_at(bytes);
          if constexpr (L::kScales == Scales::half_min) min = half_at(bytes + 32);
        }
        LLMAGENTOS_UNROLL
        for (int t = 0; t < kTokens; ++t) {
          const std::int8_t* q = quants[t] + block * kBlock;
          const BlockMeta& m = meta[t][block];
          const F32 low = to_float(dot<kDotBits<L>, L::kZero, 4>(w, q, m.neg_sum[0]));
          const F32 high = to_float(dot<kDotBits<L>, L::kZero, 4>(w + 4, q + kHalf, m.neg_sum[1]));
          if constexpr (L::kScales == Scales::super_signed) {
            acc[t][i] = fma(mul(low, set1(m.scale[0])), d[0], acc[t][i]);
            acc[t][i] = fma(mul(high, set1(m.scale[1])), d[1], acc[t][i]);
          } else {
            acc[t][i] = fma(fma(high, set1(m.scale[1]), mul(low, set1(m.scale[0]))), d[0], acc[t][i]);
          }
          if constexpr (L::kScales == Scales::half_min || L::kScales == Scales::super_min)
            acc[t][i] = fma(min, set1(m.scaled_sum), acc[t][i]);
        }
      }
      bytes += L::kBlockBytes;
    }
  }
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t)
    for (int i = 0; i < kTileVectors; ++i) store(out + t * out_stride + (first_vector + i) * kLanes, acc[t][i]);
}

// All rows of the group for kTokens tokens. Narrow tiles take two vectors at once so that a stream of weights is read
// in whole cache lines; wide ones take one, for the registers.
template <class L, int kTokens>
void tile_rows(const std::byte* group, const MatmulInput& x, int token, std::size_t n_cols, float* out,
               std::ptrdiff_t out_stride, bool is_first) {
  constexpr int kAtOnce = kVectors == 1 ? 1 : kTokens <= 2 ? 2 : 1;
  for (int v = 0; v < kVectors; v += kAtOnce)
    tile<L, kTokens, kAtOnce>(group, x, token, n_cols, out, out_stride, v, is_first);
}

template <class L>
void multiply(const std::byte* group, const MatmulInput& x, int first_token, int n_tokens, std::size_t n_cols,
              float* out, std::ptrdiff_t out_stride, float*) {
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

// Float weights, packed as [k][16 rows] in their own type.
template <DType kDType>
inline F32 load_weight(const std::byte* group, std::size_t index) {
  if constexpr (kDType == DType::f32) return load(reinterpret_cast<const float*>(group) + index);
  if constexpr (kDType == DType::f16) return load_half(reinterpret_cast<const std::uint16_t*>(group) + index);
  if constexpr (kDType == DType::bf16) return load_bfloat16(reinterpret_cast<const std::uint16_t*>(group) + index);
}

// kTokens tokens, `width` floats apart for each k, against all rows of the group.
template <DType kDType, int kTokens>
void float_tile(const std::byte* group, const float* x, std::size_t width, std::size_t n_cols, float* out,
                std::ptrdiff_t out_stride) {
  F32 acc[kTokens][kVectors];
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t)
    for (int v = 0; v < kVectors; ++v) acc[t][v] = zero();
  for (std::size_t k = 0; k < n_cols; ++k, x += width) {
    F32 w[kVectors];
    LLMAGENTOS_UNROLL
    for (int v = 0; v < kVectors; ++v)
      w[v] = load_weight<kDType>(group, k * kRowGroup + static_cast<std::size_t>(v * kLanes));
    LLMAGENTOS_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const F32 value = set1(x[t]);
      for (int v = 0; v < kVectors; ++v) acc[t][v] = fma(w[v], value, acc[t][v]);
    }
  }
  LLMAGENTOS_UNROLL
  for (int t = 0; t < kTokens; ++t)
    for (int v = 0; v < kVectors; ++v) store(out + t * out_stride + v * kLanes, acc[t][v]);
}

// The tile of exactly n tokens, 1 <= n <= kTokens.
template <DType kDType, int kTokens>
void float_tile_of(int n, const std::byte* group, const float* x, std::size_t width, std::size_t n_cols, float* out,
                   std::ptrdiff_t out_stride) {
  if constexpr (kTokens > 1)
    if (n < kTokens) return float_tile_of<kDType, kTokens - 1>(n, group, x, width, n_cols, out, out_stride);
  float_tile<kDType, kTokens>(group, x, width, n_cols, out, out_stride);
}

template <DType kDType>
void multiply_float(const std::byte* group, const MatmulInput& x, int first_token, int n_tokens, std::size_t n_cols,
                    float* out, std::ptrdiff_t out_stride, float*) {
  for (int t = 0; t < n_tokens; t += kPanel) {
    const int left = x.n_tokens - first_token - t, width = left < kPanel ? left : kPanel;
    const float* panel = x.panels + static_cast<std::size_t>(first_token + t) * n_cols;
    // Tiles of nearly the same size: a small last one would wait for its own sums.
    for (int done = 0, size; done < width; done += size) {
      const int n_tiles = (width - done + kFloatTile - 1) / kFloatTile;
      size = (width - done + n_tiles - 1) / n_tiles;
      float_tile_of<kDType, kFloatTile>(size, group, panel + done, static_cast<std::size_t>(width), n_cols,
                                        out + (t + done) * out_stride, out_stride);
    }
  }
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
