// Code points of UTF-8 text and their Unicode categories.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace llmagentos::unicode {

// Sets of categories, one bit each: a code point has one of them, and kWhiteSpace besides where it has that property.
using Categories = std::uint16_t;
inline constexpr Categories kLu = 1 << 0;
inline constexpr Categories kLl = 1 << 1;
inline constexpr Categories kLt = 1 << 2;
inline constexpr Categories kLm = 1 << 3;
inline constexpr Categories kLo = 1 << 4;
inline constexpr Categories kM = 1 << 5;
inline constexpr Categories kN = 1 << 6;
inline constexpr Categories kP = 1 << 7;
inline constexpr Categories kS = 1 << 8;
inline constexpr Categories kZ = 1 << 9;
inline constexpr Categories kC = 1 << 10;   // Cc, Cf, Cs, Co
inline constexpr Categories kCn = 1 << 11;  // not assigned
inline constexpr Categories kWhiteSpace = 1 << 12;
inline constexpr Categories kL = kLu | kLl | kLt | kLm | kLo;

// The categories of all code points from `first` to the next range's.
struct CategoryRange {
  std::uint32_t first;
  Categories categories;
};

// In order, from code point 0 on.
std::span<const CategoryRange> category_ranges();

// kCn for numbers beyond U+10FFFF.
Categories categories(std::uint32_t code_point);

struct Decoded {
  std::uint32_t code_point;
  std::uint32_t n_bytes;
};

inline constexpr std::uint32_t kReplacement = 0xFFFD;

// The code point at `at` (inside the text). A byte that begins no sequence stands for U+FFFD by itself; overlong
// sequences and surrogates are let through, so that every byte of a text belongs to exactly one code point.
Decoded decode_utf8(std::string_view text, std::size_t at);

// Appends the UTF-8 of a code point up to U+10FFFF.
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace llmagentos::unicode
