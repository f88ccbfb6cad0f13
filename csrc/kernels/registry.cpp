#include "kernels/registry.h"

#include <cstdio>
#include <cstdlib>

#include "base/cpu_features.h"
#include "base/error.h"
#include "kernels/isa_tables.h"
#include "kernels/matmul/packing.h"
#include "kernels/reference.h"
#include "kernels/self_check.h"

namespace llmagentos {

namespace kernels {
namespace {

constexpr KernelTable kReference = {
    "reference",           nullptr,           reference::quantize_row,    reference::rms_norm,
    reference::layer_norm, reference::rope,   reference::activate,        reference::glu,
    reference::softcap,    reference::attend, reference::merge_attention, reference::store_kv,
};

struct Candidate {
  const KernelTable* table;
  bool usable;
};

std::vector<Candidate> candidates() {
  const CpuFeatures& cpu = cpu_features();
#if defined(__x86_64__)
  const bool has_avx2 = cpu.avx2 && cpu.fma && cpu.f16c && cpu.bmi2;
  const bool has_avx512 = has_avx2 && cpu.avx512f && cpu.avx512bw && cpu.avx512dq && cpu.avx512vl;
  return {{&avx512vnni::kTable, has_avx512 && cpu.avx512vnni},
          {&avx512::kTable, has_avx512},
          {&avxvnni::kTable, has_avx2 && cpu.avxvnni},
          {&avx2::kTable, has_avx2},
          {&sse4::kTable, cpu.x86_64_v2()},
          {&kReference, true}};
#elif defined(__aarch64__)
  return {{&neondot::kTable, cpu.neon && cpu.dotprod && cpu.fp16}, {&neon::kTable, cpu.neon}, {&kReference, true}};
#else
  static_cast<void>(cpu);
  return {{&kReference, true}};
#endif
}

}  // namespace

KernelSet::KernelSet(const KernelTable& table) : table_(table) {}

MatmulKernel KernelSet::matmul(DType dtype, std::size_t n_cols) const {
  if (is_reference()) return reference_matmul(dtype);
  const MatmulKernel* format = packed_format(dtype);
  MultiplyFn multiply = table_.multiply_for(dtype);
  if (!format || !multiply || (format->activation == Activation::q8 && n_cols % kBlock != 0))
    return reference_matmul(dtype);
  MatmulKernel kernel = *format;
  kernel.multiply = multiply;
  if (!agrees_with_reference(kernel)) {
    std::fprintf(
        stderr,
        "llmagentos: the %s product for %.*s disagrees with the reference on this machine; using the reference\n",
        table_.isa, static_cast<int>(dtype_info(dtype).name.size()), dtype_info(dtype).name.data());
    return reference_matmul(dtype);
  }
  return kernel;
}

// Sixteen lanes are the widest vector: multiples of that suit every ISA, and keep all of them on one code path.
Attend* KernelSet::attend(int head_dim) const { return head_dim % 16 == 0 ? table_.attend : reference::attend; }
MergeAttention* KernelSet::merge_attention(int head_dim) const {
  return head_dim % 16 == 0 ? table_.merge_attention : reference::merge_attention;
}
StoreKv* KernelSet::store_kv(int head_dim) const { return head_dim % 16 == 0 ? table_.store_kv : reference::store_kv; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates())
    if (candidate.usable) names.emplace_back(candidate.table->isa);
  return names;
}

KernelSet select_kernels(std::string_view isa) {
  std::string wanted(isa);
  if (wanted.empty()) {
    const char* forced = std::getenv("LLMAGENTOS_ISA");
    if (forced) wanted = forced;
  }
  std::string known;
  for (const Candidate& candidate : candidates()) {
    if (candidate.usable && (wanted.empty() || wanted == candidate.table->isa)) {
      KernelTable table = *candidate.table;
      if (table.multiply_for) replace_faulty(table, kReference);
      return KernelSet(table);
    }
    if (candidate.usable) known += std::string(known.empty() ? "" : ", ") + candidate.table->isa;
  }
  throw InvalidArgument("ISA \"" + wanted + "\"" + (isa.empty() ? " (from LLMAGENTOS_ISA)" : "") +
                        " is not available on this machine; available: " + known);
}

}  // namespace kernels
}  // namespace llmagentos
