// Element and weight-block formats: names, GGUF type ids and block geometry. Decoding lives in quant/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmagentos {

// Values are the GGUF tensor type ids.
enum class DType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
  mxfp4 = 39,
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;       // "Q4_K", as in GGUF files
  std::size_t block_elements;  // values per block (1 for float types)
  std::size_t block_bytes;     // bytes per block
};

// All supported formats, in order of their ids.
const DTypeInfo* dtype_table(std::size_t& count);

// nullptr for an id this build does not know.
const DTypeInfo* find_dtype(std::uint32_t gguf_type_id);

// nullptr for an unknown name; names are matched exactly ("Q4_K").
const DTypeInfo* find_dtype(std::string_view name);

const DTypeInfo& dtype_info(DType dtype);

// Bytes of a row of `n` values; n must be a multiple of block_elements.
std::size_t row_bytes(DType dtype, std::size_t n);

}  // namespace llmagentos
