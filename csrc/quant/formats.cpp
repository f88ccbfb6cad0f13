#include "quant/formats.h"

#include <string>

#include "base/error.h"
#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/mxfp4.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q4_k_encode.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
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
void encode(const float* in, void* blocks, std::size_t n) {
  function(in, static_cast<Block*>(blocks), n);
}

constexpr FormatOps kFormats[] = {
    {DType::f32, decode<float, decode_f32>, encode<float, encode_f32>},
    {DType::f16, decode<std::uint16_t, decode_f16>, encode<std::uint16_t, encode_f16>},
    {DType::bf16, decode<std::uint16_t, decode_bf16>, encode<std::uint16_t, encode_bf16>},
    {DType::q4_0, decode<BlockQ4_0, decode_q4_0>, encode<BlockQ4_0, encode_q4_0>},
    {DType::q4_1, decode<BlockQ4_1, decode_q4_1>, encode<BlockQ4_1, encode_q4_1>},
    {DType::q5_0, decode<BlockQ5_0, decode_q5_0>, encode<BlockQ5_0, encode_q5_0>},
    {DType::q5_1, decode<BlockQ5_1, decode_q5_1>, encode<BlockQ5_1, encode_q5_1>},
    {DType::q8_0, decode<BlockQ8_0, decode_q8_0>, encode<BlockQ8_0, encode_q8_0>},
    {DType::q2_k, decode<BlockQ2K, decode_q2_k>, nullptr},
    {DType::q3_k, decode<BlockQ3K, decode_q3_k>, nullptr},
    {DType::q4_k, decode<BlockQ4K, decode_q4_k>, encode<BlockQ4K, encode_q4_k>},
    {DType::q5_k, decode<BlockQ5K, decode_q5_k>, nullptr},
    {DType::q6_k, decode<BlockQ6K, decode_q6_k>, encode<BlockQ6K, encode_q6_k>},
    {DType::iq4_nl, decode<BlockIQ4NL, decode_iq4_nl>, nullptr},
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
