// Equality of results, bit for bit but for NaN: which of them an operation gives is no part of what a model promises.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.h"

inline bool same_bits(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same_bits(a[i], b[i])) return false;
  return a.size() == b.size();
}

// Of float16 as stored.
inline bool same_bits(std::uint16_t a, std::uint16_t b) {
  return a == b || same_bits(llmagentos::half_to_float(a), llmagentos::half_to_float(b));
}
