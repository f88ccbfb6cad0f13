// The rows of a group in the vectors of the ISA that this is compiled for.
#pragma once

#include "kernels/matmul/matmul.h"
#include "kernels/simd/simd.h"

namespace llmagentos::LLMAGENTOS_ISA {

using namespace kernels;
using namespace simd;

namespace {

constexpr int kVectors = kRowGroup / kLanes;  // that hold one float per row

}  // namespace
}  // namespace llmagentos::LLMAGENTOS_ISA
