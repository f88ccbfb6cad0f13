#include "runtime/machine_limits.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "kernels/probe/probe.h"

namespace llmagentos::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// A line of its own for each thread's result.
struct alignas(64) Share {
  double work = 0;
  Clock::time_point start, end;
  float sink = 0;
};

// Runs step(thread, share) over and over on each thread until the time is up; step adds to share.work.
template <class Step>
double rate(ThreadPool& pool, double seconds, Step&& step) {
  if (!(seconds > 0 && seconds <= 60))
    throw InvalidArgument("seconds is " + std::to_string(seconds) + ", and must be above 0 and at most 60");
  std::vector<Share> shares(static_cast<std::size_t>(pool.size()));
  const auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  pool.run([&](int thread) {
    Share& share = shares[static_cast<std::size_t>(thread)];
    pool.barrier();
    share.start = Clock::now();
    do {
      step(thread, share);
      share.end = Clock::now();
    } while (share.end - share.start < length);
  });
  double work = 0;
  Clock::time_point first = shares[0].start, last = shares[0].end;
  for (const Share& share : shares) {
    work += share.work;
    first = std::min(first, share.start);
    last = std::max(last, share.end);
  }
  return work / std::chrono::duration<double>(last - first).count();
}

constexpr std::uint64_t kRounds = 2000;  // tens of microseconds: short against the 20 ms of the shortest probe

}  // namespace

double measure_fma(ThreadPool& pool, double seconds, std::string_view isa) {
  const kernels::ProbeKernels& probe = kernels::probe_kernels(isa);
  return rate(pool, seconds, [&](int, Share& share) {
    share.sink += probe.fma(kRounds);
    share.work += static_cast<double>(kRounds * probe.fma_per_round);
  });
}

double measure_dot(ThreadPool& pool, double seconds, std::string_view isa) {
  const kernels::ProbeKernels& probe = kernels::probe_kernels(isa);
  return rate(pool, seconds, [&](int, Share& share) {
    share.sink += static_cast<float>(probe.dot(kRounds));
    share.work += static_cast<double>(kRounds * probe.dot_per_round);
  });
}

double measure_read(ThreadPool& pool, double seconds, std::size_t bytes, std::string_view isa) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  const std::size_t chunks = bytes / kChunk / static_cast<std::size_t>(pool.size());  // per thread
  if (chunks == 0)
    throw InvalidArgument("bytes is " + std::to_string(bytes) + ", and must be at least 1 MiB for each of " +
                          std::to_string(pool.size()) + " threads");
  const kernels::ProbeKernels& probe = kernels::probe_kernels(isa);
  AlignedBuffer memory(chunks * kChunk * static_cast<std::size_t>(pool.size()));
  // Written once: untouched pages would all be the same zero page.
  pool.run([&](int thread) {
    float* part = memory.as<float>() + static_cast<std::size_t>(thread) * chunks * (kChunk / sizeof(float));
    std::fill(part, part + chunks * (kChunk / sizeof(float)), 1.0f);
  });
  std::vector<std::size_t> next(static_cast<std::size_t>(pool.size()) * 8);  // 64 bytes apart
  return rate(pool, seconds, [&](int thread, Share& share) {
    std::size_t& chunk = next[static_cast<std::size_t>(thread) * 8];
    const std::size_t index = static_cast<std::size_t>(thread) * chunks + chunk;
    share.sink += probe.read(memory.as<float>() + index * (kChunk / sizeof(float)), kChunk / sizeof(float));
    share.work += static_cast<double>(kChunk);
    chunk = chunk + 1 == chunks ? 0 : chunk + 1;
  });
}

}  // namespace llmagentos::runtime
