#include "runtime/machine_limits.h"

#include "base/error.h"
#include "check.h"
#include "kernels/probe/probe.h"
#include "kernels/registry.h"

using namespace llmagentos;
using namespace llmagentos::runtime;

TEST(every_isa_has_its_own_probes) {
  for (const std::string& isa : kernels::available_isas()) {
    const kernels::ProbeKernels& probe = kernels::probe_kernels(isa);
    CHECK(isa == probe.isa);
    // x -> 0.999 x + 0.001 keeps what starts in [0, 9] there, and a round meets every chain.
    const float value = probe.fma(100);
    CHECK(value > 0 && value < 9 * static_cast<float>(probe.fma_per_round / 2));
    // The sum is linear in the rounds, and not zero.
    CHECK(probe.dot(1) != 0);
    CHECK(probe.dot(30) == 30 * probe.dot(1));
    std::vector<float> data(4 * kernels::kReadStep, 1.0f);
    data.back() = 2.0f;
    CHECK(probe.read(data.data(), data.size()) == 2.0f);
    CHECK(probe.read(data.data(), data.size() - kernels::kReadStep) == 1.0f);
  }
}

TEST(rates_are_positive_on_one_and_two_threads) {
  for (const int threads : {1, 2}) {
    ThreadPool pool(threads);
    CHECK(measure_fma(pool, 0.001) > 0);
    CHECK(measure_dot(pool, 0.001) > 0);
    CHECK(measure_read(pool, 0.001, std::size_t{4} << 20) > 0);
  }
}

TEST(arguments_outside_their_domain_are_refused) {
  ThreadPool pool(2);
  CHECK_THROWS(InvalidArgument, measure_fma(pool, 0));
  CHECK_THROWS(InvalidArgument, measure_fma(pool, 61));
  CHECK_THROWS(InvalidArgument, measure_dot(pool, 0.001, "mmx"));
  CHECK_THROWS(InvalidArgument, measure_read(pool, 0.001, std::size_t{1} << 20));
}

TEST_MAIN
