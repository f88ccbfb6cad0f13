#include <cstring>

#include "kernels/simd/simd.h"
#include "wrapper.h"

namespace llmagentos::LLMAGENTOS_ISA {

using wrapper::Input;
using wrapper::Operation;
using wrapper::Output;
using wrapper::Result;
using namespace simd;

namespace {

template <class T>
inline T read(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
template <class T>
inline void write(Output& out, T value) {
  std::memcpy(out.bytes, &value, sizeof value);
}

// A function of one, two or three vectors, or of one to a scalar; the operands' types are the function's own.
template <auto f, class R, class A>
void call(const Input& in, Output& out, R (*)(A)) {
  write(out, f(read<A>(in.a)));
}
template <auto f, class R, class A, class B>
void call(const Input& in, Output& out, R (*)(A, B)) {
  write(out, f(read<A>(in.a), read<B>(in.b)));
}
template <auto f, class R, class A, class B, class C>
void call(const Input& in, Output& out, R (*)(A, B, C)) {
  write(out, f(read<A>(in.a), read<B>(in.b), read<C>(in.c)));
}
template <auto f>
void operation(const Input& in, Output& out) {
  call<f>(in, out, f);
}

template <class T, F32 (*f)(const T*)>
void load_from(const Input& in, Output& out) {
  write(out, f(reinterpret_cast<const T*>(in.a)));
}
template <class T, class V, void (*f)(T*, V)>
void store_to(const Input& in, Output& out) {
  f(reinterpret_cast<T*>(out.bytes), read<V>(in.a));
}

// Within dot's contract: weights of kBits bits, activations that are not -128.
template <int kBits, int kZero, int kGroups>
void exact_dot(const Input& in, Output& out) {
  U8 w[kGroups];
  std::int8_t x[32];
  for (int g = 0; g < kGroups; ++g) w[g] = and_u8(load_u8(in.weights[g]), (1 << kBits) - 1);
  for (int i = 0; i < 32; ++i) x[i] = in.activations[i] == -128 ? -127 : in.activations[i];
  write(out, dot<kBits, kZero, kGroups>(w, x, in.neg_sum));
}
// Beyond it, where int16 overflows.
template <int kBits, int kZero, int kGroups>
void any_dot(const Input& in, Output& out) {
  U8 w[kGroups];
  for (int g = 0; g < kGroups; ++g) w[g] = load_u8(in.weights[g]);
  write(out, dot<kBits, kZero, kGroups>(w, in.activations, in.neg_sum));
}

constexpr Operation kOperations[] = {
    {"set1", Result::floats, operation<set1>},
    {"load", Result::bits, load_from<float, load>},
    {"store", Result::bits, store_to<float, F32, store>},
    {"load_half", Result::floats, load_from<std::uint16_t, load_half>},
    {"store_half", Result::halves, store_to<std::uint16_t, F32, store_half>},
    {"load_bfloat16", Result::floats, load_from<std::uint16_t, load_bfloat16>},
    {"load_u8_as_float", Result::bits, load_from<std::uint8_t, load_u8_as_float>},
    {"load_i8_as_float", Result::bits, load_from<std::int8_t, load_i8_as_float>},
    {"add", Result::floats, operation<add>},
    {"sub", Result::floats, operation<sub>},
    {"mul", Result::floats, operation<mul>},
    {"div", Result::floats, operation<div>},
    {"fma", Result::floats, operation<simd::fma>},
    {"max", Result::floats, operation<max>},
    {"min", Result::floats, operation<min>},
    {"abs", Result::bits, operation<simd::abs>},
    {"reduce_max", Result::floats, operation<reduce_max>},
    {"reduce_add", Result::floats, operation<reduce_add>},
    {"zero_below", Result::floats, operation<zero_below>},
    {"exp2_integral", Result::floats, operation<exp2_integral>},
    {"round", Result::floats, operation<simd::round>},
    {"exp", Result::floats, operation<simd::exp>},
    {"sigmoid", Result::floats, operation<sigmoid>},
    {"tanh", Result::floats, operation<simd::tanh>},
    {"set1_i32", Result::bits, operation<set1_i32>},
    {"to_float", Result::bits, operation<to_float>},
    {"to_i32", Result::bits, operation<to_i32>},
    {"max_i32", Result::bits, operation<max_i32>},
    {"reduce_max_i32", Result::bits, operation<reduce_max_i32>},
    {"magnitude_bits", Result::bits, operation<magnitude_bits>},
    {"add_i32", Result::bits, operation<add_i32>},
    {"reduce_add_i32", Result::bits, operation<reduce_add_i32>},
    {"store_i8", Result::bits, store_to<std::int8_t, I32, store_i8>},
    {"load_u8", Result::bits, [](const Input& in, Output& out) { write(out, load_u8(in.a)); }},
    {"store_u8", Result::bits, store_to<std::uint8_t, U8, store_u8>},
    {"and_u8", Result::bits, [](const Input& in, Output& out) { write(out, and_u8(load_u8(in.a), in.b[0])); }},
    {"or_u8", Result::bits, [](const Input& in, Output& out) { write(out, or_u8(load_u8(in.a), load_u8(in.b))); }},
    {"shift_right<1>", Result::bits, operation<shift_right<1>>},
    {"shift_right<2>", Result::bits, operation<shift_right<2>>},
    {"shift_right<3>", Result::bits, operation<shift_right<3>>},
    {"shift_right<4>", Result::bits, operation<shift_right<4>>},
    {"shift_left<1>", Result::bits, operation<shift_left<1>>},
    {"shift_left<2>", Result::bits, operation<shift_left<2>>},
    {"shift_left<3>", Result::bits, operation<shift_left<3>>},
    {"shift_left<4>", Result::bits, operation<shift_left<4>>},
    {"table16", Result::bits, [](const Input& in, Output& out) { write(out, table16(in.b, load_u8(in.a))); }},
    {"dot<4, 0, 4>", Result::bits, exact_dot<4, 0, 4>},
    {"dot<4, 8, 4>", Result::bits, exact_dot<4, 8, 4>},
    {"dot<4, 0, 8>", Result::bits, exact_dot<4, 0, 8>},
    {"dot<5, 16, 4>", Result::bits, exact_dot<5, 16, 4>},
    {"dot<6, 32, 4>", Result::bits, exact_dot<6, 32, 4>},
    {"dot<8, 128, 4>", Result::bits, exact_dot<8, 128, 4>},
    {"dot<4, 8, 8> overflowing", Result::bits, any_dot<4, 8, 8>},
    {"dot<5, 0, 4> overflowing", Result::bits, any_dot<5, 0, 4>},
    {"dot<6, 32, 8> overflowing", Result::bits, any_dot<6, 32, 8>},
    {"dot<8, 128, 8> overflowing", Result::bits, any_dot<8, 128, 8>},
};

}  // namespace

extern const wrapper::Wrapper kWrapper;
const wrapper::Wrapper kWrapper = {kLanes, kMaxTile, kFloatTile, kOperations,
                                   sizeof kOperations / sizeof kOperations[0]};

}  // namespace llmagentos::LLMAGENTOS_ISA
