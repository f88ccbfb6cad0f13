// The kernels of every ISA that this machine has, against the reference; how they are chosen.
#include "base/error.h"
#include "kernel_checks.h"

namespace {

void for_every_isa(void (*check)(const KernelSet&)) {
  for (const std::string& isa : available_isas())
    if (isa != "reference") check(select_kernels(isa));
}

}  // namespace

TEST(products_of_every_format_match_the_reference) { for_every_isa(check_products); }
TEST(products_of_extremes_stay_exact) { for_every_isa(check_products_of_extremes); }
TEST(activations_quantise_as_the_reference_does) { for_every_isa(check_quantize_row); }
TEST(not_a_number_stays_visible) { for_every_isa(check_not_a_number_stays_visible); }
TEST(row_kernels_match_the_reference_at_any_length) { for_every_isa(check_row_kernels); }
TEST(activations_of_extreme_inputs_saturate) { for_every_isa(check_activations_saturate); }
TEST(attention_matches_the_reference_and_itself) { for_every_isa(check_attention); }
TEST(the_widest_window_hides_nothing) { for_every_isa(check_widest_window); }
TEST(half_precision_cache_saturates_instead_of_overflowing) { for_every_isa(check_half_precision_cache_saturates); }

TEST(a_faulty_kernel_gives_way_to_the_reference) {
  MatmulKernel broken = *packed_format(DType::q8_0);
  broken.multiply = [](const std::byte*, int, const MatmulInput&, int, int n_tokens, std::size_t, float* out,
                       std::ptrdiff_t stride, float*) {
    for (int t = 0; t < n_tokens; ++t) std::fill(out + t * stride, out + t * stride + kRowGroup, 1.0f);
  };
  KernelTable table = select_kernels(available_isas().front()).table();
  if (table.multiply_for == nullptr) return;  // a machine with the reference alone
  static MultiplyFn faulty;
  faulty = broken.multiply;
  table.multiply_for = [](DType) { return faulty; };
  const MatmulKernel chosen = KernelSet(table).matmul(DType::q8_0, 64);
  CHECK(chosen.multiply == reference_matmul(DType::q8_0).multiply);
}

TEST(an_unknown_isa_is_refused) { CHECK_THROWS(InvalidArgument, select_kernels("z80")); }

TEST_MAIN
