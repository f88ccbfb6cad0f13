// The table of the models: what tells the ISAs apart, apart from their instructions.
#pragma once

namespace llmagentos::LLMAGENTOS_ISA::simd {

enum class Family {
  x86,  // max and min return their second operand for NaN and for zeros; no such int32: INT32_MIN; 16-bit shifts
  arm,  // max and min return NaN, and tell -0 from +0; conversions to int32 saturate; byte shifts
};

enum class Products {
  pairs,  // of bytes, added in int16
  quads,  // of bytes, added in int32: one instruction
};

struct ModelIsa {
  int lanes, max_tile, float_tile;  // the constants of the ISA's header
  bool fused;                       // fma() rounds once
  Family family;
  Products products;
};

#if defined(LLMAGENTOS_ISA_sse4)
inline constexpr ModelIsa kModel = {4, 2, 2, false, Family::x86, Products::pairs};
#elif defined(LLMAGENTOS_ISA_avx2)
inline constexpr ModelIsa kModel = {8, 4, 6, true, Family::x86, Products::pairs};
#elif defined(LLMAGENTOS_ISA_avxvnni)
inline constexpr ModelIsa kModel = {8, 4, 6, true, Family::x86, Products::quads};
#elif defined(LLMAGENTOS_ISA_avx512)
inline constexpr ModelIsa kModel = {16, 8, 16, true, Family::x86, Products::pairs};
#elif defined(LLMAGENTOS_ISA_avx512vnni)
inline constexpr ModelIsa kModel = {16, 8, 16, true, Family::x86, Products::quads};
#elif defined(LLMAGENTOS_ISA_neon)
inline constexpr ModelIsa kModel = {4, 8, 6, true, Family::arm, Products::pairs};
#elif defined(LLMAGENTOS_ISA_neondot)
inline constexpr ModelIsa kModel = {4, 8, 6, true, Family::arm, Products::quads};
#else
#error "an ISA of CMakeLists.txt without a row here"
#endif

}  // namespace llmagentos::LLMAGENTOS_ISA::simd
