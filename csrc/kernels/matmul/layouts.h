// Packed layouts of the integer weight formats: 16 rows interleaved so that a vector register holds the same four
// columns of several rows, one activation dword is broadcast against it, and no horizontal sum is needed.
//
// A super-block covers kBlocks blocks of 32 columns of 16 rows:
//   header:  half d[16] (, half dmin[16])                                     only the K formats
//   block:   its scales (below), then the quants
//   quants:  4 bits: 4 vectors of [row][4 bytes]; vector j's low nibbles are columns 4j..4j+3, high nibbles 16+4j...
//            5 bits: then one vector of [row][4 bytes] whose bit g is the fifth bit of columns 4g..4g+3
//            6 bits: then two vectors; vector h's bit pair p is the upper bits of columns 16h+4p...
//            8 bits: 8 vectors of [row][4 bytes], stored as q + 128
// Included by files compiled for several ISAs: constants and types only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/matmul/matmul.h"
#include "quant/iq4_nl.h"
#include "quant/mxfp4.h"

namespace llmagentos::kernels {

enum class Scales {
  half,          // block: half d[16]                      w = d * (q - zero)
  half_min,      // block: half d[16], half m[16]          w = d * q + m
  exponent,      // block: byte e[16]                      w = 2^(e - 128) * (q - zero)
  super_min,     // block: byte sc[16], byte mn[16]        w = d * sc * q - dmin * mn
  super_signed,  // block: int8 sc[2][16], one per 16 columns   w = d * sc * (q - zero)
};

template <DType kDType_, int kBits_, int kZero_, Scales kScales_, bool kTable_ = false>
struct Layout {
  static constexpr DType kDType = kDType_;
  static constexpr int kBits = kBits_;  // bits stored per quant
  static constexpr int kZero = kZero_;  // what is subtracted from the (looked-up) quant
  static constexpr Scales kScales = kScales_;
  static constexpr bool kTable = kTable_;  // quants index a table of 16 bytes
  static constexpr bool kSuper = kScales == Scales::super_min || kScales == Scales::super_signed;
  static constexpr int kBlocks = kSuper ? 8 : 1;
  static constexpr std::size_t kHeaderBytes = kScales == Scales::super_min      ? 64
                                              : kScales == Scales::super_signed ? 32
                                                                                : 0;
  static constexpr std::size_t kScaleBytes = kScales == Scales::half_min ? 64 : kScales == Scales::exponent ? 16 : 32;
  static constexpr std::size_t kQuantBytes = static_cast<std::size_t>(kBits) * kBlock * kRowGroup / 8;
  static constexpr std::size_t kBlockBytes = kScaleBytes + kQuantBytes;
  static constexpr std::size_t kSuperBytes = kHeaderBytes + kBlocks * kBlockBytes;

  // Always inlined: the linker must find no copy that was compiled for a newer CPU.
  [[gnu::always_inline]] static constexpr std::size_t group_bytes(std::size_t n_cols) {
    return n_cols / kBlock / kBlocks * kSuperBytes;
  }
};

using LayoutQ4_0 = Layout<DType::q4_0, 4, 8, Scales::half>;
using LayoutQ4_1 = Layout<DType::q4_1, 4, 0, Scales::half_min>;
using LayoutQ5_0 = Layout<DType::q5_0, 5, 16, Scales::half>;
using LayoutQ5_1 = Layout<DType::q5_1, 5, 0, Scales::half_min>;
using LayoutQ8_0 = Layout<DType::q8_0, 8, 128, Scales::half>;
using LayoutQ4_K = Layout<DType::q4_k, 4, 0, Scales::super_min>;
using LayoutQ5_K = Layout<DType::q5_k, 5, 0, Scales::super_min>;
using LayoutQ6_K = Layout<DType::q6_k, 6, 32, Scales::super_signed>;
using LayoutIQ4_NL = Layout<DType::iq4_nl, 4, 128, Scales::half, true>;
using LayoutMXFP4 = Layout<DType::mxfp4, 4, 128, Scales::exponent, true>;

// The levels of IQ4_NL and MXFP4 (twice the FP4 values), plus 128.
struct QuantTable {
  std::uint8_t levels[16];
};
consteval QuantTable plus_128(const std::int8_t (&levels)[16]) {
  QuantTable table{};
  for (int i = 0; i < 16; ++i) table.levels[i] = static_cast<std::uint8_t>(128 + levels[i]);
  return table;
}
template <class L>
inline constexpr QuantTable kQuantTable{};
template <>
inline constexpr QuantTable kQuantTable<LayoutIQ4_NL> = plus_128(kIQ4Levels);
template <>
inline constexpr QuantTable kQuantTable<LayoutMXFP4> = plus_128(kMXFP4Levels);

}  // namespace llmagentos::kernels
