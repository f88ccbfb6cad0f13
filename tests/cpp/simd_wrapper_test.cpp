// Every function of the vector wrapper of every ISA that this machine has, against its model: the same bits.
#include <algorithm>
#include <random>
#include <string>

#include "check.h"
#include "kernels/registry.h"
#include "same_bits.h"
#include "simd_models.h"

using namespace llmagentos;
using wrapper::Input;
using wrapper::Operation;
using wrapper::Output;
using wrapper::Result;

namespace {

std::mt19937 generator(17);

// Floats around which conversions change their minds: zeros, denormals, ties, the ends of int32, float16 and float32.
constexpr float kEdges[] = {0.0f,
                            -0.0f,
                            1e-45f,
                            -1e-39f,
                            1.1754944e-38f,
                            0.5f,
                            -0.5f,
                            1.5f,
                            2.5f,
                            -2.5f,
                            0.49999997f,
                            8388607.5f,
                            127.0f,
                            -127.0f,
                            128.0f,
                            -128.0f,
                            -87.3f,
                            88.4f,
                            65504.0f,
                            65519.0f,
                            65520.0f,
                            6.1e-5f,
                            5.96e-8f,
                            2.98e-8f,
                            2.9802322e-8f,
                            1.0004883f,
                            1.001464f,
                            2147483520.0f,
                            2147483648.0f,
                            -2147483648.0f,
                            -2147483904.0f,
                            3.4028235e38f,
                            1e30f,
                            -1e30f,
                            HUGE_VALF,
                            -HUGE_VALF,
                            NAN};

void fill_with_floats(std::uint8_t (&bytes)[64], float deviation) {
  std::normal_distribution<float> distribution(0.0f, deviation);
  for (int i = 0; i < 16; ++i) {
    const float x = generator() % 2 ? distribution(generator) : kEdges[generator() % std::size(kEdges)];
    std::memcpy(bytes + 4 * i, &x, 4);
  }
}

// Random bits, or bytes at the ends only, or ordinary floats among edges.
Input random_input(int round) {
  Input in;
  auto* bytes = reinterpret_cast<std::uint8_t*>(&in);
  for (std::size_t i = 0; i < sizeof in; ++i) bytes[i] = static_cast<std::uint8_t>(generator() >> 24);
  if (round % 3 == 1) {
    constexpr std::uint8_t kEnds[] = {0x00, 0xff, 0x7f, 0x80};
    for (std::size_t i = 0; i < sizeof in; ++i) bytes[i] = kEnds[bytes[i] & 3];
  }
  if (round % 3 == 2) {
    fill_with_floats(in.a, round % 2 ? 3.0f : 1e5f);
    fill_with_floats(in.b, 3.0f);
    fill_with_floats(in.c, 3.0f);
  }
  return in;
}

bool agree(Result result, const Output& a, const Output& b) {
  if (result == Result::bits) return std::equal(std::begin(a.bytes), std::end(a.bytes), std::begin(b.bytes));
  for (std::size_t i = 0; i < sizeof a.bytes; i += result == Result::floats ? 4 : 2) {
    float x, y;
    std::uint16_t half_x, half_y;
    std::memcpy(&half_x, a.bytes + i, 2);
    std::memcpy(&half_y, b.bytes + i, 2);
    if (result == Result::halves && !same_bits(half_x, half_y)) return false;
    if (result == Result::halves) continue;
    std::memcpy(&x, a.bytes + i, 4);
    std::memcpy(&y, b.bytes + i, 4);
    if (!same_bits(x, y)) return false;
  }
  return true;
}

void compare(std::string_view isa, const Operation& machine, const Operation& model, const Input& in) {
  Output a{}, b{};
  machine.run(in, a);
  model.run(in, b);
  if (!agree(machine.result, a, b)) check::fail(std::string(isa).c_str(), 0, machine.name);
}

// The models whose ISA this machine has.
template <class F>
void for_every_pair(F f) {
  const std::vector<std::string> isas = kernels::available_isas();
  for (const SimdModel& model : simd_models())
    if (std::find(isas.begin(), isas.end(), model.isa) != isas.end())
      f(model.isa, *wrapper_of(model.isa), *model.wrapper);
}

}  // namespace

TEST(models_have_the_shape_of_their_isas) {
  for (const SimdModel& model : simd_models()) {
    const wrapper::Wrapper* own = wrapper_of(model.isa);  // constants only: the machine need not have the ISA
    if (!own) continue;
    CHECK(own->lanes == model.wrapper->lanes);
    CHECK(own->max_tile == model.wrapper->max_tile);
    CHECK(own->float_tile == model.wrapper->float_tile);
    CHECK(own->n_operations == model.wrapper->n_operations);
  }
}

TEST(every_function_of_the_wrapper_equals_its_model) {
  for (int round = 0; round < 3000; ++round) {
    const Input in = random_input(round);
    for_every_pair([&](std::string_view isa, const wrapper::Wrapper& machine, const wrapper::Wrapper& model) {
      for (int i = 0; i < machine.n_operations; ++i) compare(isa, machine.operations[i], model.operations[i], in);
    });
  }
}

// The float32 that a float16 holds, or the one halfway to the next in magnitude, where rounding to float16 changes.
std::uint32_t around_half(std::uint16_t half, bool halfway) {
  const std::uint32_t bits = float_to_bits(half_to_float(half));
  if (!halfway) return bits;
  if ((half & 0x7c00) != 0) return bits + 0x1000;
  return float_to_bits((half_to_float(half) + half_to_float(static_cast<std::uint16_t>(half + 1))) / 2);
}

// All float16; and all float32 at them and halfway between them, with those just below and above.
TEST(conversions_of_every_half_equal_the_models) {
  for_every_pair([&](std::string_view isa, const wrapper::Wrapper& machine, const wrapper::Wrapper& model) {
    const auto lanes = static_cast<std::uint32_t>(machine.lanes);
    for (int i = 0; i < machine.n_operations; ++i) {
      const std::string_view name = machine.operations[i].name;
      if (name != "load_half" && name != "store_half") continue;
      const std::uint32_t n_variants = name == "load_half" ? 1 : 6;
      for (std::uint32_t first = 0; first < 65536 * n_variants; first += lanes) {
        Input in{};
        for (std::uint32_t lane = 0; lane < lanes; ++lane) {
          const auto half = static_cast<std::uint16_t>((first + lane) / n_variants);
          const std::uint32_t variant = (first + lane) % n_variants;
          const std::uint32_t bits = around_half(half, variant >= 3) + variant % 3 - 1;
          if (name == "load_half")
            std::memcpy(in.a + 2 * lane, &half, 2);
          else
            std::memcpy(in.a + 4 * lane, &bits, 4);
        }
        compare(isa, machine.operations[i], model.operations[i], in);
      }
    }
  });
}

TEST_MAIN
