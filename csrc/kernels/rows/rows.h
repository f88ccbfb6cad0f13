// Functions of single rows that are memory-bound next to the products around them: plain C++, the same bits whatever
// the ISA.
#pragma once

#include <cstddef>

namespace llmagentos::kernels {

// x is n_in parts of `width` elements, base and out are n_out; coefficients and constants are [n_out][n_in], each may
// be null, and so may base. Part o of out: that of base plus the sum over p of (coefficients[o][p] + constants[o][p])
// times part p of x, added in this order. Where there are no coefficients, a constant of zero leaves its part of x out.
// out overlaps nothing.
void mix(const float* x, const float* coefficients, const float* constants, const float* base, int n_in, int n_out,
         std::size_t width, float* out);

// x times the ratio of the root mean squares of `like` and of x, where the mean square of x counts as `least` if it is
// less. out may be x.
void match_rms(const float* x, const float* like, std::size_t n, float least, float* out);

// By how much x[i] exceeds the row's mean plus `deviations` times its standard deviation (that of all, not of a
// sample); 0 where it does not. out may be x.
void excess(const float* x, std::size_t n, float deviations, float* out);

}  // namespace llmagentos::kernels
