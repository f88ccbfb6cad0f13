#include "base/dtype.h"

#include "base/error.h"

namespace llmagentos {
namespace {

constexpr DTypeInfo kTable[] = {
    {DType::f32, "F32", 1, 4},         {DType::f16, "F16", 1, 2},           {DType::q4_0, "Q4_0", 32, 18},
    {DType::q4_1, "Q4_1", 32, 20},     {DType::q5_0, "Q5_0", 32, 22},       {DType::q5_1, "Q5_1", 32, 24},
    {DType::q8_0, "Q8_0", 32, 34},     {DType::q2_k, "Q2_K", 256, 84},      {DType::q3_k, "Q3_K", 256, 110},
    {DType::q4_k, "Q4_K", 256, 144},   {DType::q5_k, "Q5_K", 256, 176},     {DType::q6_k, "Q6_K", 256, 210},
    {DType::iq4_nl, "IQ4_NL", 32, 18}, {DType::iq4_xs, "IQ4_XS", 256, 136}, {DType::bf16, "BF16", 1, 2},
    {DType::mxfp4, "MXFP4", 32, 17},
};

}  // namespace

const DTypeInfo* dtype_table(std::size_t& count) {
  count = sizeof(kTable) / sizeof(kTable[0]);
  return kTable;
}

const DTypeInfo* find_dtype(std::uint32_t gguf_type_id) {
  for (const DTypeInfo& info : kTable)
    if (static_cast<std::uint32_t>(info.dtype) == gguf_type_id) return &info;
  return nullptr;
}

const DTypeInfo* find_dtype(std::string_view name) {
  for (const DTypeInfo& info : kTable)
    if (info.name == name) return &info;
  return nullptr;
}

const DTypeInfo& dtype_info(DType dtype) {
  const DTypeInfo* info = find_dtype(static_cast<std::uint32_t>(dtype));
  if (!info) throw InvalidArgument("unknown dtype id " + std::to_string(static_cast<std::uint32_t>(dtype)));
  return *info;
}

std::size_t row_bytes(DType dtype, std::size_t n) {
  const DTypeInfo& info = dtype_info(dtype);
  if (n % info.block_elements != 0)
    throw InvalidArgument("a row of " + std::to_string(n) + " values is not a whole number of " +
                          std::string(info.name) + " blocks of " + std::to_string(info.block_elements));
  return n / info.block_elements * info.block_bytes;
}

}  // namespace llmagentos
