// The kernels over the scalar models of all ISAs, against the reference: so those for AVX-512, VNNI or NEON are tested
// on machines without them. That a model is its ISA's equal is for simd_bits_test and simd_wrapper_test, where the
// machine has it.
#include "kernel_checks.h"
#include "simd_models.h"

namespace {

void for_every_model(void (*check)(const KernelSet&)) {
  for (const SimdModel& model : simd_models()) check(KernelSet(*model.table));
}

}  // namespace

TEST(every_isa_has_a_model) {
  for (const std::string& isa : available_isas()) {
    bool found = isa == "reference";
    for (const SimdModel& model : simd_models()) found |= model.isa == isa;
    CHECK(found);
  }
}

TEST(products_of_every_format_match_the_reference) { for_every_model(check_products); }
TEST(products_of_extremes_stay_exact) { for_every_model(check_products_of_extremes); }
TEST(activations_quantise_as_the_reference_does) { for_every_model(check_quantize_row); }
TEST(not_a_number_stays_visible) { for_every_model(check_not_a_number_stays_visible); }
TEST(row_kernels_match_the_reference_at_any_length) { for_every_model(check_row_kernels); }
TEST(activations_of_extreme_inputs_saturate) { for_every_model(check_activations_saturate); }
TEST(attention_matches_the_reference_and_itself) { for_every_model(check_attention); }
TEST(the_widest_window_hides_nothing) { for_every_model(check_widest_window); }
TEST(half_precision_cache_saturates_instead_of_overflowing) { for_every_model(check_half_precision_cache_saturates); }

TEST_MAIN
