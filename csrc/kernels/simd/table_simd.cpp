// One table per ISA; registry.cpp chooses among them.
#include "kernels/simd/isa_name.h"
#include "kernels/table.h"

namespace llmagentos::LLMAGENTOS_ISA {

kernels::MultiplyFor multiply_for;
kernels::QuantizeRow quantize_row;
kernels::RmsNorm rms_norm;
kernels::LayerNorm layer_norm;
kernels::Rope rope;
kernels::Activate activate;
kernels::Glu glu;
kernels::Softcap softcap;
kernels::Attend attend;
kernels::MergeAttention merge_attention;
kernels::StoreKv store_kv;

extern const kernels::KernelTable kTable;
const kernels::KernelTable kTable = {
    LLMAGENTOS_ISA_NAME, multiply_for, quantize_row, rms_norm, layer_norm, rope, activate, glu, softcap, attend,
    merge_attention,     store_kv,
};

}  // namespace llmagentos::LLMAGENTOS_ISA
