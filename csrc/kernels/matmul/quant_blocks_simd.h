// The blocks of quantised row groups, as the tiles of matmul_simd.cpp read them: straight from the packed layout, or
// unpacked in memory.
#pragma once

#include "kernels/matmul/layouts.h"
#include "kernels/matmul/row_vectors.h"
#include "kernels/prefetch.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

namespace {

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
    for (int g = 0; g < 8; ++g) w[g] = table16(kQuantTable<L>.levels, w[g]);
  }
}

inline F32 load_exponents(const std::uint8_t* p) {
  // 2^(e - 128); e = 0 and 1 give the subnormals 2^-128 and 2^-127.
  alignas(64) std::uint32_t bits[kLanes];
  for (int i = 0; i < kLanes; ++i)
    bits[i] = p[i] < 2 ? (p[i] == 0 ? 0x00200000u : 0x00400000u) : static_cast<std::uint32_t>(p[i] - 1) << 23;
  return load(reinterpret_cast<const float*>(bits));
}

// Bits of the weights that products take: those of a table format are looked up to 8-bit values.
template <class L>
constexpr int kDotBits = L::kTable ? 8 : L::kBits;

// What one vector of rows needs of a block: eight vectors of quants as load_quants() leaves them, the weight scales of
// the two halves (one and the same but for the formats that scale every 16 columns), and what is added per unit of
// activation.
struct BlockWeights {
  U8 w[8];
  F32 d[2], min;
};

template <class L>
constexpr bool kHasMin = L::kScales == Scales::half_min || L::kScales == Scales::super_min;

template <class L>
inline void load_block(const std::uint8_t* header, const std::uint8_t* block, int v, BlockWeights& to) {
  const int lane = v * kLanes;
  load_quants<L>(block + L::kScaleBytes, v, to.w);
  const auto half_at = [lane](const std::uint8_t* p) {
    return load_half(reinterpret_cast<const std::uint16_t*>(p) + lane);
  };
  if constexpr (L::kScales == Scales::super_signed) {
    const auto* sub_scales = reinterpret_cast<const std::int8_t*>(block) + lane;
    to.d[0] = mul(half_at(header), load_i8_as_float(sub_scales));
    to.d[1] = mul(half_at(header), load_i8_as_float(sub_scales + kRowGroup));
  } else if constexpr (L::kScales == Scales::super_min) {
    to.d[0] = to.d[1] = mul(half_at(header), load_u8_as_float(block + lane));
    to.min = sub(zero(), mul(half_at(header + 32), load_u8_as_float(block + kRowGroup + lane)));
  } else if constexpr (L::kScales == Scales::exponent) {
    to.d[0] = to.d[1] = load_exponents(block + lane);
  } else {
    to.d[0] = to.d[1] = half_at(block);
    if constexpr (L::kScales == Scales::half_min) to.min = half_at(block + 32);
  }
}

// The blocks of a packed group in sequence.
template <class L>
class PackedBlocks {
 public:
  // ahead: each block asks for what lies so many bytes behind it, unless that is 0.
  PackedBlocks(const std::byte* group, std::size_t ahead)
      : header_(reinterpret_cast<const std::uint8_t*>(group)), block_(header_ + L::kHeaderBytes), ahead_(ahead) {}

  LLMAGENTOS_PREFETCHES void begin() const {
    if (ahead_ != 0) prefetch(block_ + ahead_, L::kBlockBytes);
  }
  void load(int v, BlockWeights& to) const { load_block<L>(header_, block_, v, to); }
  void advance() {
    block_ += L::kBlockBytes;
    if constexpr (L::kBlocks > 1) {
      if (++index_ < L::kBlocks) return;
      index_ = 0;
      header_ = block_;
      block_ += L::kHeaderBytes;
    }
  }

 private:
  const std::uint8_t* header_;
  const std::uint8_t* block_;
  std::size_t ahead_;
  int index_ = 0;
};

// The blocks of up to kMaxGroups groups, unpacked: where many tokens meet the same weights, unpacking them for each
// tile would cost a third as much as the products. A block of a group is 8 vectors of [row][4 bytes], then its scales
// as float32 [16]: d (, the second d) (, min).
template <class L>
class UnpackedBlocks {
 public:
  static constexpr int kScaleVectors = 1 + (L::kScales == Scales::super_signed) + kHasMin<L>;
  static constexpr std::size_t kBytes = static_cast<std::size_t>(kBlock * kRowGroup + kScaleVectors * 4 * kRowGroup);
  static_assert(kBytes <= kUnpackedFloats * kBlock * sizeof(float));

  UnpackedBlocks(const std::uint8_t* block, int n_groups)
      : block_(block), stride_(static_cast<std::size_t>(n_groups) * kBytes) {}

  static void unpack(const std::byte* group, std::size_t n_cols, std::uint8_t* to, std::size_t stride) {
    PackedBlocks<L> blocks(group, 0);
    for (std::size_t i = 0; i < n_cols / kBlock; ++i, blocks.advance(), to += stride) {
      for (int v = 0; v < kVectors; ++v) {
        BlockWeights b;
        blocks.load(v, b);
        for (int g = 0; g < 8; ++g) store_u8(to + 64 * g + v * kVectorBytes, b.w[g]);
        auto* scales = reinterpret_cast<float*>(to + kBlock * kRowGroup) + v * kLanes;
        store(scales, b.d[0]);
        if constexpr (L::kScales == Scales::super_signed) store(scales + kRowGroup, b.d[1]);
        if constexpr (kHasMin<L>) store(scales + kRowGroup, b.min);
      }
    }
  }

  void begin() const {}
  // Vectors are counted through all groups.
  void load(int v, BlockWeights& to) const {
    const std::uint8_t* group = block_ + static_cast<std::size_t>(v / kVectors) * kBytes;
    const int in_group = v % kVectors;
    for (int g = 0; g < 8; ++g) to.w[g] = load_u8(group + 64 * g + in_group * kVectorBytes);
    const auto* scales = reinterpret_cast<const float*>(group + kBlock * kRowGroup) + in_group * kLanes;
    to.d[0] = to.d[1] = simd::load(scales);
    if constexpr (L::kScales == Scales::super_signed) to.d[1] = simd::load(scales + kRowGroup);
    if constexpr (kHasMin<L>) to.min = simd::load(scales + kRowGroup);
  }
  void advance() { block_ += stride_; }

 private:
  const std::uint8_t* block_;
  std::size_t stride_;
};

}  // namespace
}  // namespace llmagentos::LLMAGENTOS_ISA
