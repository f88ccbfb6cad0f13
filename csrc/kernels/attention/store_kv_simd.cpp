// Keys and values into the tiles of the cache.
#include "base/half.h"
#include "kernels/attention/attention.h"
#include "kernels/quantize/quantize_row.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

namespace {

// int8 elements `stride` apart, and their scale: as quantize_row() rounds, over the whole head.
void store_quantised(const float* x, int n, std::int8_t* to, int stride, float& scale) {
  I32 largest = set1_i32(0);
  for (int i = 0; i < n; i += kLanes) largest = max_i32(largest, magnitude_bits(load(x + i)));
  const std::int32_t peak_bits = reduce_max_i32(largest);
  const bool is_finite = peak_bits < 0x7f800000;
  const float peak = bits_to_float(static_cast<std::uint32_t>(peak_bits));
  const bool is_zero = peak < kSmallestPeak;
  const F32 inverse = set1(is_zero || !is_finite ? 0.0f : 127.0f / peak);
  for (int i = 0; i < n; i += kLanes) {
    std::int8_t lanes[kLanes];
    store_i8(lanes, is_finite ? to_i32(mul(load(x + i), inverse)) : set1_i32(0));
    for (int j = 0; j < kLanes; ++j) to[(i + j) * stride] = lanes[j];
  }
  scale = !is_finite ? __builtin_nanf("") : is_zero ? 0.0f : peak / 127.0f;
}

}  // namespace

void store_kv(const float* k, const float* v, int head_dim, int slot, std::byte* k_tile, std::byte* v_tile,
              KvType type) {
  if (type == KvType::f32) {
    float* keys = reinterpret_cast<float*>(k_tile) + slot;
    float* values = reinterpret_cast<float*>(v_tile) + slot * head_dim;
    for (int d = 0; d < head_dim; ++d) {
      keys[d * kKvBlock] = k[d];
      values[d] = v[d];
    }
    return;
  }
  if (type == KvType::i8) {
    auto* keys = reinterpret_cast<std::int8_t*>(k_tile);
    auto* values = reinterpret_cast<std::int8_t*>(v_tile);
    const int scales_at = head_dim * kKvBlock;
    store_quantised(k, head_dim, keys + slot, kKvBlock, reinterpret_cast<float*>(k_tile + scales_at)[slot]);
    store_quantised(v, head_dim, values + slot * head_dim, 1, reinterpret_cast<float*>(v_tile + scales_at)[slot]);
    return;
  }
  std::uint16_t* keys = reinterpret_cast<std::uint16_t*>(k_tile) + slot;
  std::uint16_t* values = reinterpret_cast<std::uint16_t*>(v_tile) + slot * head_dim;
  const F32 limit = set1(65504.0f);
  // Operand order keeps a NaN: max and min return their second operand when either is NaN.
  const auto saturated = [limit](F32 x) { return min(limit, max(sub(zero(), limit), x)); };
  for (int d = 0; d < head_dim; d += kLanes) {
    std::uint16_t lanes[kLanes];
    store_half(lanes, saturated(load(k + d)));
    for (int i = 0; i < kLanes; ++i) keys[(d + i) * kKvBlock] = lanes[i];
    store_half(values + d, saturated(load(v + d)));
  }
}

}  // namespace llmagentos::LLMAGENTOS_ISA
