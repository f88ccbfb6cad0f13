#include "kernels/matmul/packing.h"

#include <cstring>

#include "base/half.h"
#include "kernels/matmul/layouts.h"
#include "quant/iq4_nl.h"
#include "quant/mxfp4.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace llmagentos::kernels {
namespace {

std::uint16_t load_u16(const std::uint8_t* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// 32 quants of one row, unsigned, and their scales, in the file's own numbers.
struct BlockQuants {
  std::uint8_t q[kBlock];
  std::uint16_t d, m;     // halves: scale and min (or the super-block's)
  std::uint8_t scale[2];  // sub-scale and sub-min; or the two sub-scales of Q6_K; or the exponent
};

void read_nibbles(const std::uint8_t (&qs)[16], BlockQuants& out) {
  for (int i = 0; i < 16; ++i) {
    out.q[i] = qs[i] & 0x0f;
    out.q[i + 16] = qs[i] >> 4;
  }
}

void add_fifth_bits(const std::uint8_t (&qh)[4], BlockQuants& out) {
  std::uint32_t bits;  // all at once: q5_high_bit() for each makes packing a tenth slower
  std::memcpy(&bits, qh, sizeof bits);
  for (int i = 0; i < kBlock; ++i) out.q[i] |= static_cast<std::uint8_t>((bits >> i & 1u) << 4);
}

// The quants of the j-th 32 values of a file's block; j is 0 but in super-blocks, which hold eight times 32.
template <class Block>
BlockQuants quants_of(const Block& block, int j) {
  BlockQuants out{};
  if constexpr (requires { block.e; }) {
    out.scale[0] = block.e;
  } else {
    out.d = block.d;
  }
  if constexpr (requires { block.m; }) out.m = block.m;
  if constexpr (requires { block.dmin; }) {
    out.m = block.dmin;
    unpack_k_scale(block.scales, j, out.scale[0], out.scale[1]);
    const std::uint8_t* nibbles = block.qs + j / 2 * 32;
    for (int i = 0; i < kBlock; ++i) out.q[i] = j % 2 ? nibbles[i] >> 4 : nibbles[i] & 0x0f;
    if constexpr (requires { block.qh; })
      for (int i = 0; i < kBlock; ++i) out.q[i] |= static_cast<std::uint8_t>((block.qh[i] >> j & 1) << 4);
  } else {
    read_nibbles(block.qs, out);
    if constexpr (requires { block.qh; }) add_fifth_bits(block.qh, out);
  }
  return out;
}

BlockQuants quants_of(const BlockQ8_0& block, int) {
  BlockQuants out{};
  out.d = block.d;
  for (int i = 0; i < kBlock; ++i) out.q[i] = static_cast<std::uint8_t>(block.qs[i]) ^ 0x80;
  return out;
}

BlockQuants quants_of(const BlockQ6K& block, int j) {
  BlockQuants out{};
  out.d = block.d;
  const int half = j / 4, quarter = j % 4;
  const std::uint8_t* low = block.ql + half * 64 + (quarter & 1) * 32;
  const std::uint8_t* high = block.qh + half * 32;
  for (int i = 0; i < kBlock; ++i)
    out.q[i] = static_cast<std::uint8_t>((low[i] >> (quarter / 2 * 4) & 0x0f) | ((high[i] >> (2 * quarter)) & 3) << 4);
  std::memcpy(out.scale, block.scales + half * 8 + quarter * 2, 2);
  return out;
}

template <class L>
void write_quants(const std::uint8_t (&q)[kBlock], int row, std::uint8_t* quants) {
  std::uint8_t* at = quants + 4 * row;
  if constexpr (L::kBits == 8) {
    for (int g = 0; g < 8; ++g) std::memcpy(at + 64 * g, q + 4 * g, 4);
    return;
  }
  std::uint8_t nibbles[16];
  for (int i = 0; i < 16; ++i) nibbles[i] = static_cast<std::uint8_t>((q[i] & 0x0f) | (q[i + 16] << 4));
  for (int j = 0; j < 4; ++j) std::memcpy(at + 64 * j, nibbles + 4 * j, 4);
  if constexpr (L::kBits == 5) {
    std::uint8_t high[4] = {};
    for (int i = 0; i < kBlock; ++i) high[i % 4] |= static_cast<std::uint8_t>((q[i] >> 4) << (i / 4));
    std::memcpy(at + 256, high, 4);
  }
  if constexpr (L::kBits == 6) {
    std::uint8_t high[8] = {};
    for (int i = 0; i < kBlock; ++i)
      high[i / 16 * 4 + i % 4] |= static_cast<std::uint8_t>((q[i] >> 4) << (2 * (i / 4 % 4)));
    std::memcpy(at + 256, high, 4);
    std::memcpy(at + 320, high + 4, 4);
  }
}

template <class L>
void read_quants(const std::uint8_t* quants, int row, std::uint8_t (&q)[kBlock]) {
  const std::uint8_t* at = quants + 4 * row;
  if constexpr (L::kBits == 8) {
    for (int g = 0; g < 8; ++g) std::memcpy(q + 4 * g, at + 64 * g, 4);
    return;
  }
  for (int i = 0; i < 16; ++i) {
    const std::uint8_t packed = at[64 * (i / 4) + i % 4];
    q[i] = packed & 0x0f;
    q[i + 16] = packed >> 4;
  }
  if constexpr (L::kBits == 5)
    for (int i = 0; i < kBlock; ++i) q[i] |= static_cast<std::uint8_t>(((at[256 + i % 4] >> (i / 4)) & 1) << 4);
  if constexpr (L::kBits == 6)
    for (int i = 0; i < kBlock; ++i)
      q[i] |= static_cast<std::uint8_t>(((at[256 + i / 16 * 64 + i % 4] >> (2 * (i / 4 % 4))) & 3) << 4);
}

template <class L, class Block>
void pack_group(const std::byte* rows, std::size_t row_stride, int n_rows, std::size_t n_cols, std::byte* group) {
  if (n_rows < kRowGroup) std::memset(group, 0, L::group_bytes(n_cols));
  for (int row = 0; row < n_rows; ++row) {
    const auto* source = reinterpret_cast<const Block*>(rows + static_cast<std::size_t>(row) * row_stride);
    for (std::size_t block = 0; block < n_cols / kBlock; ++block) {
      auto* super = reinterpret_cast<std::uint8_t*>(group) + block / L::kBlocks * L::kSuperBytes;
      std::uint8_t* at = super + L::kHeaderBytes + block % L::kBlocks * L::kBlockBytes;
      const BlockQuants b = quants_of(source[block / L::kBlocks], static_cast<int>(block % L::kBlocks));
      std::uint8_t* halves = L::kSuper ? super : at;
      if constexpr (L::kScales != Scales::exponent) std::memcpy(halves + 2 * row, &b.d, 2);
      if constexpr (L::kScales == Scales::half_min || L::kScales == Scales::super_min)
        std::memcpy(halves + 32 + 2 * row, &b.m, 2);
      if constexpr (L::kSuper || L::kScales == Scales::exponent) at[row] = b.scale[0];
      if constexpr (L::kSuper) at[16 + row] = b.scale[1];
      write_quants<L>(b.q, row, at + L::kScaleBytes);
    }
  }
}

template <class L>
void decode_row(const std::byte* group, int row, std::size_t n_cols, float* out) {
  for (std::size_t block = 0; block < n_cols / kBlock; ++block) {
    const auto* super = reinterpret_cast<const std::uint8_t*>(group) + block / L::kBlocks * L::kSuperBytes;
    const std::uint8_t* at = super + L::kHeaderBytes + block % L::kBlocks * L::kBlockBytes;
    const std::uint8_t* halves = L::kSuper ? super : at;
    const auto half = [&](int offset) { return half_to_float(load_u16(halves + offset + 2 * row)); };
    std::uint8_t q[kBlock];
    read_quants<L>(at + L::kScaleBytes, row, q);
    float* y = out + block * kBlock;
    for (int i = 0; i < kBlock; ++i) {
      const float value = static_cast<float>((L::kTable ? kQuantTable<L>.levels[q[i]] : q[i]) - L::kZero);
      if constexpr (L::kScales == Scales::half) y[i] = half(0) * value;
      if constexpr (L::kScales == Scales::half_min) y[i] = half(0) * value + half(32);
      if constexpr (L::kScales == Scales::exponent) y[i] = mxfp4_half_scale(at[row]) * value;
      if constexpr (L::kScales == Scales::super_min)
        y[i] = half(0) * static_cast<float>(at[row]) * value - half(32) * static_cast<float>(at[16 + row]);
      if constexpr (L::kScales == Scales::super_signed)
        y[i] = half(0) * static_cast<float>(static_cast<std::int8_t>(at[i / 16 * 16 + row])) * value;
    }
  }
}

template <DType kDType>
struct FloatType {
  using type = std::uint16_t;
};
template <>
struct FloatType<DType::f32> {
  using type = float;
};

template <DType kDType>
std::size_t float_group_bytes(std::size_t n_cols) {
  return n_cols * kRowGroup * sizeof(typename FloatType<kDType>::type);
}

template <DType kDType>
void pack_float_group(const std::byte* rows, std::size_t row_stride, int n_rows, std::size_t n_cols, std::byte* group) {
  using T = typename FloatType<kDType>::type;
  auto* out = reinterpret_cast<T*>(group);
  for (int row = 0; row < kRowGroup; ++row) {
    const auto* in = reinterpret_cast<const T*>(rows + static_cast<std::size_t>(row) * row_stride);
    for (std::size_t k = 0; k < n_cols; ++k)
      out[k * kRowGroup + static_cast<std::size_t>(row)] = row < n_rows ? in[k] : T{};
  }
}

template <DType kDType>
void decode_float_row(const std::byte* group, int row, std::size_t n_cols, float* out) {
  const auto* in = reinterpret_cast<const typename FloatType<kDType>::type*>(group);
  for (std::size_t k = 0; k < n_cols; ++k) {
    const auto value = in[k * kRowGroup + static_cast<std::size_t>(row)];
    if constexpr (kDType == DType::f32) out[k] = value;
    if constexpr (kDType == DType::f16) out[k] = half_to_float(value);
    if constexpr (kDType == DType::bf16) out[k] = bfloat16_to_float(value);
  }
}

template <class L, class Block>
constexpr MatmulKernel integer_format() {
  return {L::kDType, Activation::q8, L::group_bytes, pack_group<L, Block>, decode_row<L>, nullptr};
}

template <DType kDType>
constexpr MatmulKernel float_format() {
  return {kDType, Activation::panels, float_group_bytes<kDType>, pack_float_group<kDType>, decode_float_row<kDType>,
          nullptr};
}

constexpr MatmulKernel kFormats[] = {
    float_format<DType::f32>(),
    float_format<DType::f16>(),
    float_format<DType::bf16>(),
    integer_format<LayoutQ4_0, BlockQ4_0>(),
    integer_format<LayoutQ4_1, BlockQ4_1>(),
    integer_format<LayoutQ5_0, BlockQ5_0>(),
    integer_format<LayoutQ5_1, BlockQ5_1>(),
    integer_format<LayoutQ8_0, BlockQ8_0>(),
    integer_format<LayoutQ4_K, BlockQ4K>(),
    integer_format<LayoutQ5_K, BlockQ5K>(),
    integer_format<LayoutQ6_K, BlockQ6K>(),
    integer_format<LayoutIQ4_NL, BlockIQ4NL>(),
    integer_format<LayoutMXFP4, BlockMXFP4>(),
};

}  // namespace

void pack_panel(const float* rows, std::ptrdiff_t row_stride, int n, std::size_t n_cols, float* panel) {
  if (n == 1) {
    std::memcpy(panel, rows, n_cols * sizeof(float));
    return;
  }
  // A few columns of all rows at a time: their lines stay in the first-level cache until they are used up.
  constexpr std::size_t kColumns = 64;
  for (std::size_t begin = 0; begin < n_cols; begin += kColumns) {
    const std::size_t end = begin + kColumns < n_cols ? begin + kColumns : n_cols;
    for (int t = 0; t < n; ++t) {
      const float* row = rows + t * row_stride;
      for (std::size_t k = begin; k < end; ++k)
        panel[k * static_cast<std::size_t>(n) + static_cast<std::size_t>(t)] = row[k];
    }
  }
}

const MatmulKernel* packed_format(DType dtype) {
  for (const MatmulKernel& format : kFormats)
    if (format.dtype == dtype) return &format;
  return nullptr;
}

}  // namespace llmagentos::kernels
