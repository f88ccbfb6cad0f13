// Packing into the layouts of layouts.h and [k][16] float groups: done once at load, so one plain version serves all
// ISAs. A MatmulKernel is such a packing joined with an ISA's `multiply`.
#pragma once

#include "kernels/matmul/matmul.h"

namespace llmagentos::kernels {

// The packed form of a format, with `multiply` left null; nullptr where the format is only read by the reference.
const MatmulKernel* packed_format(DType dtype);

// The panel of n <= kPanel input rows, which are row_stride floats apart: [n_cols][n].
void pack_panel(const float* rows, std::ptrdiff_t row_stride, int n, std::size_t n_cols, float* panel);

// The reference: rows stay as in the file, activations are float32, weights are decoded by quant/. Every format.
MatmulKernel reference_matmul(DType dtype);

}  // namespace llmagentos::kernels
