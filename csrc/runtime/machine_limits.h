// What this machine can do at most, measured with the probes of kernels/probe on a thread pool.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/thread_pool.h"

namespace llmagentos::runtime {

// Each runs for about `seconds` (above 0, at most 60) on all threads of the pool at once and returns a rate per second:
// the operations of all threads over the time from the first start to the last end. A multiply-add is 2 operations.
// `isa` is a name of kernels::available_isas(), or empty for the chosen one. Throws InvalidArgument.
double measure_fma(ThreadPool& pool, double seconds, std::string_view isa = {});
double measure_dot(ThreadPool& pool, double seconds, std::string_view isa = {});

// Bytes per second read in order from `bytes` of memory (at least 1 MiB per thread), each thread from its own part.
double measure_read(ThreadPool& pool, double seconds, std::size_t bytes, std::string_view isa = {});

}  // namespace llmagentos::runtime
