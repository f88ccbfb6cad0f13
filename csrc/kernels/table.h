// The kernels of one ISA, side by side.
#pragma once

#include "kernels/activation/activation.h"
#include "kernels/attention/attention.h"
#include "kernels/matmul/matmul.h"
#include "kernels/norm/layer_norm.h"
#include "kernels/norm/rms_norm.h"
#include "kernels/quantize/quantize_row.h"
#include "kernels/rope/rope.h"

namespace llmagentos::kernels {

struct KernelTable {
  const char* isa;
  MultiplyFor* multiply_for;
  QuantizeRow* quantize_row;
  RmsNorm* rms_norm;
  LayerNorm* layer_norm;
  Rope* rope;
  Activate* activate;
  Glu* glu;
  Softcap* softcap;
  Attend* attend;
  MergeAttention* merge_attention;
  StoreKv* store_kv;
};

}  // namespace llmagentos::kernels
