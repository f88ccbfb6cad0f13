// Each chosen kernel meets the reference on one small random case before it is used: a miscompiled or misdetected
// kernel costs speed, not answers.
#pragma once

#include "kernels/table.h"

namespace llmagentos::kernels {

// Packs random rows of the kernel's format and compares products of one and several tokens. The result is remembered.
bool agrees_with_reference(const MatmulKernel& kernel);

// Whether attention gives what `plain` does, in one call for all keys and in parts that are merged.
bool attention_agrees(const KernelTable& table, const KernelTable& plain);

// Replaces the row-wise kernels, or those of attention, by `fallback`'s where one of them disagrees, with a warning on
// stderr. `fallback` is the reference.
void replace_faulty(KernelTable& table, const KernelTable& fallback);

}  // namespace llmagentos::kernels
