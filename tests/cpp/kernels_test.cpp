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

TEST(an_unknown_isa_is_refused) { CHECK_THROWS(InvalidArgument, select_kernels("z80")); }

TEST_MAIN
