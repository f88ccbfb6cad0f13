#include "quant/formats.h"

#include <string>

#include "base/error.h"
#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/mxfp4.h"
#include "quant/q2_k_encode.h"
#include "quant/q32_encode.h"
#include "quant/q3_k_encode.h"
#include "quant/q4_k_encode.h"
#include "quant/q5_k_encode.h"
#include "quant/q6_k_encode.h"
#include "quant/q8_0.h"

namespace llmagentos {
namespace {

// A format's typed functions behind the table's untyped ones.
template <typename Block, void (*function)(const Block*, float*, std::size_t)>
void decode(const void* blocks, float* out, std::size_t n) {
  function(static_cast<const Block*>(blocks), out, n);
}

template <typename Block, void (*function)(const float*, Block*, std::size_t)>
void encode(const float* in, const float*, void* blocks, std::size_t n) {
  function(in, static_cast<Block*>(blocks), n);
}

template <std::size_t n>
struct Ones {
  float values[n];
  constexpr Ones() : values() {
    for (float& value : values) value = 1.0f;
  }
};

// Block by block, with the weights of its columns.
template <typename Block, std::size_t kValues, void (*function)(const float*, const float*, Block&)>
void search(const float* in, const float* weights, void* blocks, std::size_t n) {
  static constexpr Ones<kValues> kEqual;
  for (std::size_t b = 0; b < n / kValues; ++b)
    function(in + b * kValues, weights ? weights + b * kValues : kEqual.values, static_cast<Block*>(blocks)[b]);
}

template <typename Block, void (*rounding)(const float*, Block*, std::size_t),
          void (*searching)(const float*, const float*, Block&)>
void encode_32(const float* in, const float* weights, void* blocks, std::size_t n) {
  if (weights)
    search<Block, 32, searching>(in, weights, blocks, n);
  else
    rounding(in, static_cast<Block*>(blocks), n);
}

constexpr FormatOps kFormats[] = {
    {DType::f32, decode<float, decode_f32>, encode<float, encode_f32>},
    {DType::f16, decode<std::uint16_t, decode_f16>, encode<std::uint16_t, encode_f16>},
    {DType::bf16, decode<std::uint16_t, decode_bf16>, encode<std::uint16_t, encode_bf16>},
    {DType::q4_0, decode<BlockQ4_0, decode_q4_0>, encode_32<BlockQ4_0, encode_q4_0, encode_q4_0_block>},
    {DType::q4_1, decode<BlockQ4_1, decode_q4_1>, encode_32<BlockQ4_1, encode_q4_1, encode_q4_1_block>},
    {DType::q5_0, decode<BlockQ5_0, decode_q5_0>, encode_32<BlockQ5_0, encode_q5_0, encode_q5_0_block>},
    {DType::q5_1, decode<BlockQ5_1, decode_q5_1>, encode_32<BlockQ5_1, encode_q5_1, encode_q5_1_block>},
    {DType::q8_0, decode<BlockQ8_0, decode_q8_0>, encode<BlockQ8_0, encode_q8_0>},
    {DType::q2_k, decode<BlockQ2K, decode_q2_k>, search<BlockQ2K, 256, encode_q2_k_block>},
    {DType::q3_k, decode<BlockQ3K, decode_q3_k>, search<BlockQ3K, 256, encode_q3_k_block>},
    {DType::q4_k, decode<BlockQ4K, decode_q4_k>, search<BlockQ4K, 256, encode_q4_k_block>},
    {DType::q5_k, decode<BlockQ5K, decode_q5_k>, search<BlockQ5K, 256, encode_q5_k_block>},
    {DType::q6_k, decode<BlockQ6K, decode_q6_k>, search<BlockQ6K, 256, encode_q6_k_block>},
    {DType::iq4_nl, decode<BlockIQ4NL, decode_iq4_nl>, search<BlockIQ4NL, 32, encode_iq4_nl_block>},
    {DType::iq4_xs, decode<BlockIQ4XS, decode_iq4_xs>, nullptr},
    {DType::mxfp4, decode<BlockMXFP4, decode_mxfp4>, nullptr},
};

}  // namespace

const FormatOps& format_ops(DType dtype) {
  for (const FormatOps& ops : kFormats)
    if (ops.dtype == dtype) return ops;
  throw InvalidArgument("unknown dtype id " + std::to_string(static_cast<std::uint32_t>(dtype)));
}

}  // namespace llmagentos
