#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "quant/formats.h"
#include "quant/k_scales.h"

using namespace llmagentos;

namespace {

// Two blocks of each format, in memory of exactly their size: the sanitizers see a read or write beyond it.
struct Row {
  explicit Row(const DTypeInfo& info)
      : n(info.block_elements * 2), blocks(row_bytes(info.dtype, n)), values(n), decoded(n) {
    for (std::size_t i = 0; i < n; ++i) values[i] = std::sin(static_cast<float>(i) * 0.7f) * 0.3f;
  }
  std::size_t n;
  std::vector<std::byte> blocks;
  std::vector<float> values;
  std::vector<float> decoded;
};

}  // namespace

TEST(every_format_of_the_table_decodes_and_encoders_come_back_near) {
  std::size_t count = 0, n_encoders = 0;
  const DTypeInfo* const table = dtype_table(count);
  for (std::size_t k = 0; k < count; ++k) {
    const FormatOps& ops = format_ops(table[k].dtype);
    CHECK(ops.dtype == table[k].dtype);
    Row row(table[k]);
    ops.decode(row.blocks.data(), row.decoded.data(), row.n);
    for (const float value : row.decoded) CHECK(std::isfinite(value));
    if (!ops.encode) continue;
    ++n_encoders;
    ops.encode(row.values.data(), nullptr, row.blocks.data(), row.n);
    ops.decode(row.blocks.data(), row.decoded.data(), row.n);
    const float bound = table[k].block_bytes * 8 < table[k].block_elements * 4 ? 0.15f : 0.04f;  // of 2 and 3 bits
    for (std::size_t i = 0; i < row.n; ++i) CHECK(std::fabs(row.decoded[i] - row.values[i]) < bound);
  }
  CHECK(n_encoders == 14);
}

TEST(extreme_values_are_encoded_without_undefined_behaviour) {
  std::size_t count = 0;
  const DTypeInfo* const table = dtype_table(count);
  for (std::size_t k = 0; k < count; ++k) {
    const FormatOps& ops = format_ops(table[k].dtype);
    if (!ops.encode) continue;
    for (const float extreme : {0.0f, -0.0f, 1e-45f, -1e-39f, 3e38f, -3e38f}) {
      Row row(table[k]);
      for (std::size_t i = 0; i < row.n; ++i) row.values[i] = i % 3 ? extreme : -extreme * 0.5f;
      const std::vector<float> weights(row.n, 0.5f);
      for (const float* const given : {static_cast<const float*>(nullptr), weights.data()}) {
        ops.encode(row.values.data(), given, row.blocks.data(), row.n);
        ops.decode(row.blocks.data(), row.decoded.data(), row.n);
      }
    }
  }
}

TEST(an_unknown_format_is_named) { CHECK_THROWS(InvalidArgument, format_ops(static_cast<DType>(999))); }

TEST(six_bit_scales_survive_packing) {
  for (int shift = 0; shift < 64; ++shift) {
    std::uint8_t scales[8], mins[8], packed[12], scales_back[8], mins_back[8];
    for (int i = 0; i < 8; ++i) {
      scales[i] = static_cast<std::uint8_t>((shift + i * 9) % 64);
      mins[i] = static_cast<std::uint8_t>((shift * 5 + i * 23) % 64);
    }
    pack_k_scales(scales, mins, packed);
    unpack_k_scales(packed, scales_back, mins_back);
    CHECK(std::memcmp(scales, scales_back, 8) == 0 && std::memcmp(mins, mins_back, 8) == 0);
  }
}

TEST_MAIN
