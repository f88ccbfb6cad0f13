// The plain kernels: oracles for the fast ones, and what runs where there is no fast one.
#pragma once

#include "kernels/table.h"

namespace llmagentos::reference {

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

}  // namespace llmagentos::reference
