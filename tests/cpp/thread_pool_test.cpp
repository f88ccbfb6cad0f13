#include "base/thread_pool.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/cpu_count.h"
#include "base/error.h"
#include "base/page_merger.h"
#include "check.h"

using llmagentos::AlignedBuffer;
using llmagentos::Error;
using llmagentos::InvalidArgument;
using llmagentos::OutOfMemoryError;
using llmagentos::ThreadPool;

namespace {

const std::vector<int> kSizes = {1, 2, 3, 8};

// A folder of made-up control groups, removed with the object.
struct FakeCgroups {
  std::filesystem::path root;

  FakeCgroups() {
    std::string name = (std::filesystem::temp_directory_path() / "llmagentos-cgroup-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root = name;
  }
  ~FakeCgroups() { std::filesystem::remove_all(root); }

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  double quota() const { return llmagentos::cgroup_cpu_quota(root.string(), (root / "membership").string()); }
  int usable() const { return llmagentos::usable_cpus(root.string(), (root / "membership").string()); }
};

#if defined(__linux__)
// The kernel's state letters of this process's threads: S sleeps, R runs or wants to.
std::string thread_states() {
  std::string states;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "stat");
    std::string stat((std::istreambuf_iterator<char>(file)), {});
    const std::size_t name_end = stat.rfind(')');
    if (name_end != std::string::npos && name_end + 2 < stat.size()) states += stat[name_end + 2];
  }
  return states;
}
#endif

}  // namespace

TEST(every_thread_runs_the_task_once) {
  for (const int size : kSizes) {
    ThreadPool pool(size);
    CHECK(pool.size() == size);
    std::vector<int> calls(static_cast<std::size_t>(size), 0);
    for (int repeat = 0; repeat < 200; ++repeat) {
      pool.run([&](int thread) { ++calls[static_cast<std::size_t>(thread)]; });
    }
    for (const int count : calls) CHECK(count == 200);
  }
}

TEST(thread_zero_is_the_caller) {
  ThreadPool pool(2);
  std::vector<std::thread::id> ids(2);
  pool.run([&](int thread) { ids[static_cast<std::size_t>(thread)] = std::this_thread::get_id(); });
  CHECK(ids[0] == std::this_thread::get_id());
  CHECK(ids[1] != ids[0]);
}

TEST(writes_before_a_barrier_are_seen_after_it) {
  for (const int size : kSizes) {
    ThreadPool pool(size);
    std::vector<int> values(static_cast<std::size_t>(size), 0);
    std::vector<int> wrong(static_cast<std::size_t>(size), 0);
    const int rounds = 300;
    pool.run([&](int thread) {
      const auto own = static_cast<std::size_t>(thread);
      for (int round = 1; round <= rounds; ++round) {
        values[own] = round;
        pool.barrier();
        const int sum = std::accumulate(values.begin(), values.end(), 0);
        if (sum != round * size) ++wrong[own];
        pool.barrier();
      }
    });
    for (const int count : wrong) CHECK(count == 0);
  }
}

TEST(a_sleeping_pool_wakes_for_work_and_at_barriers) {
  ThreadPool pool(3);
  std::atomic<int> passed{0};
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // workers are asleep by now
    pool.run([&](int thread) {
      if (thread == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the others fall asleep waiting
      pool.barrier();
      ++passed;
    });
  }
  CHECK(passed == 15);
}

TEST(claimed_work_is_done_whole_by_however_many_threads) {
  for (const int size : kSizes) {
    ThreadPool pool(size);
    for (int run = 0; run < 50; ++run) {
      constexpr int kItems = 1000;
      std::vector<std::atomic<int>> done(kItems);
      std::atomic<int> first{0}, second{0};
      std::atomic<bool> ordered{true}, counted{true};
      pool.run_claimed([&](int thread) {
        if (thread >= pool.participants() || pool.participants() > size) counted = false;
        for (int i; (i = first.fetch_add(1)) < kItems;) ++done[static_cast<std::size_t>(i)];
        pool.barrier();
        for (int i; (i = second.fetch_add(1)) < kItems;)
          if (done[static_cast<std::size_t>(kItems - 1 - i)] != 1) ordered = false;
      });
      CHECK(ordered);
      CHECK(counted);
    }
  }
}

TEST(threads_that_get_no_cpu_are_left_out_of_claimed_work_only) {
  ThreadPool pool(3);
  const auto participants = [&pool] {
    int n = 0;
    pool.run_claimed([&](int thread) {
      // Off the CPU, as if another process held it.
      if (thread > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (thread == 0) n = pool.participants();
      pool.barrier();
    });
    return n;
  };
  CHECK(participants() == 3);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (participants() > 1 && std::chrono::steady_clock::now() < until) {
  }
  CHECK(participants() == 1);
  std::atomic<int> threads{0};
  pool.run([&](int) { ++threads; });
  CHECK(threads == 3);
}

TEST(an_exception_reaches_the_caller_and_releases_barriers) {
  for (const int size : kSizes) {
    ThreadPool pool(size);
    for (int thrower = 0; thrower < size; ++thrower) {
      std::atomic<int> beyond{0};
      bool caught = false;
      try {
        pool.run([&](int thread) {
          pool.barrier();
          if (thread == thrower) throw std::out_of_range("thread " + std::to_string(thread));
          pool.barrier();
          ++beyond;
        });
      } catch (const std::out_of_range& error) {
        caught = std::string(error.what()) == "thread " + std::to_string(thrower);
      }
      CHECK(caught);
      CHECK(beyond == 0);
      // The pool works on as if nothing had happened, barriers included.
      std::atomic<int> after{0};
      pool.run([&](int) {
        pool.barrier();
        ++after;
      });
      CHECK(after == size);
    }
  }
}

TEST(one_of_several_exceptions_reaches_the_caller) {
  ThreadPool pool(4);
  CHECK_THROWS(std::runtime_error, pool.run([](int) { throw std::runtime_error("each"); }));
}

TEST(callers_on_several_threads_take_turns) {
  ThreadPool pool(2);
  int inside = 0;  // not atomic: turns must be exclusive and ordered
  bool overlapped = false;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        pool.run([&](int thread) {
          if (thread != 0) return;
          if (++inside != 1) overlapped = true;
          --inside;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(!overlapped);
  CHECK(inside == 0);
}

TEST(a_run_inside_a_task_is_an_error) {
  ThreadPool pool(2);
  CHECK_THROWS(InvalidArgument, pool.run([&](int) { pool.run([](int) {}); }));
  // Another pool is fine.
  ThreadPool other(2);
  std::atomic<int> calls{0};
  pool.run([&](int thread) {
    if (thread == 0) other.run([&](int) { ++calls; });
    pool.barrier();
  });
  CHECK(calls == 2);
}

TEST(an_absurd_number_of_threads_is_an_error) {
  CHECK_THROWS(InvalidArgument, ThreadPool(-1));
  CHECK_THROWS(InvalidArgument, ThreadPool(ThreadPool::kMaxThreads + 1));
}

TEST(zero_threads_means_the_usable_cpus) {
  ThreadPool pool;
  CHECK(pool.size() == llmagentos::usable_cpus());
  CHECK(pool.size() >= 1);
}

#if defined(__linux__)
TEST(an_idle_pool_uses_no_cpu) {
  ThreadPool pool(4);
  pool.run([](int) {});
  // Only this thread may go on running. Workers that spin or yield never get there, however long one looks.
  long running = 4;
  for (int look = 0; look < 1000 && running != 1; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const std::string states = thread_states();
    running = std::count(states.begin(), states.end(), 'R');
  }
  CHECK(running == 1);
}
#endif

#if !defined(__SANITIZE_THREAD__)  // its runtime does not follow threads across fork
TEST(a_forked_child_gets_an_error_and_exits) {
  auto pool = std::make_unique<ThreadPool>(2);
  pool->run([](int) {});
  const pid_t child = fork();
  if (child == 0) {
    bool refused = false;
    try {
      pool->run([](int) {});
    } catch (const Error&) {
      refused = true;
    }
    pool.reset();  // must not wait for the parent's workers
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  pool->run([](int) {});  // the parent's is untouched
}
#endif

TEST(cgroup_v2_quotas_are_read_up_to_the_root) {
  const FakeCgroups groups;
  CHECK(std::isinf(groups.quota()));  // nothing to read
  groups.write("membership", "0::/app/service\n");
  groups.write("app/service/cpu.max", "max 100000\n");
  CHECK(std::isinf(groups.quota()));
  groups.write("app/cpu.max", "150000 100000\n");
  CHECK(groups.quota() == 1.5);
  groups.write("app/service/cpu.max", "50000 100000\n");
  CHECK(groups.quota() == 0.5);
  CHECK(groups.usable() == 1);
  groups.write("cpu.max", "10000 100000\n");
  CHECK(groups.quota() == 0.1);
  CHECK(groups.usable() == 1);
}

TEST(cgroup_v1_quotas_are_found_by_either_mount_name) {
  const FakeCgroups groups;
  groups.write("membership", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n");
  groups.write("cpu/cpu.cfs_quota_us", "-1\n");
  groups.write("cpu/cpu.cfs_period_us", "100000\n");
  CHECK(std::isinf(groups.quota()));
  // As seen in a container: the path is the host's, the quota stands at the mount's root.
  groups.write("cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  groups.write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(groups.quota() == 2.5);
  CHECK(groups.usable() == std::min(3, llmagentos::affinity_cpus()));
}

TEST(malformed_cgroup_files_limit_nothing) {
  const FakeCgroups groups;
  groups.write("membership", "no colons\n0::\n:\n0::/\n");
  for (const char* text : {"", "abc def", "100000", "-5 100000", "100000 0"}) {
    groups.write("cpu.max", text);
    CHECK(std::isinf(groups.quota()));
    CHECK(groups.usable() == llmagentos::affinity_cpus());
  }
}

TEST(a_buffer_is_zero_aligned_and_writable) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{65}, std::size_t{4096}, AlignedBuffer::kHugeFrom - 1,
                                  AlignedBuffer::kHugeFrom, AlignedBuffer::kHugeFrom + 4097}) {
    AlignedBuffer buffer(bytes);
    CHECK(buffer.size() == bytes);
    const std::size_t alignment =
        bytes >= AlignedBuffer::kHugeFrom ? AlignedBuffer::kHugePage : AlignedBuffer::kAlignment;
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % alignment == 0);
    CHECK(buffer.data()[0] == std::byte{0} && buffer.data()[bytes - 1] == std::byte{0});
    buffer.data()[0] = buffer.data()[bytes - 1] = std::byte{7};
    CHECK(buffer.data()[bytes - 1] == std::byte{7});
  }
}

TEST(a_buffer_keeps_what_was_written_when_it_turns_to_huge_pages) {
  for (const std::size_t bytes : {std::size_t{100}, AlignedBuffer::kHugeFrom + 4097}) {
    AlignedBuffer buffer(bytes, llmagentos::HugePages::later);
    buffer.data()[0] = buffer.data()[bytes - 1] = std::byte{7};
    buffer.use_huge_pages();
    CHECK(buffer.data()[0] == std::byte{7} && buffer.data()[1] == std::byte{0});
    CHECK(buffer.data()[bytes - 1] == std::byte{7});
  }
}

TEST(merging_pages_keeps_what_they_hold) {
  constexpr std::size_t kBytes = 4 * AlignedBuffer::kHugePage + 4097;
  auto buffer = std::make_shared<AlignedBuffer>(kBytes, llmagentos::HugePages::later);
  for (std::size_t i = 0; i < kBytes; i += 4096) buffer->data()[i] = static_cast<std::byte>(i / 4096 % 251);
  buffer->use_huge_pages();
  CHECK(!buffer->merge_page(4096));
  CHECK(!buffer->merge_page(4 * AlignedBuffer::kHugePage));
  llmagentos::merge_pages_in_background(buffer);
  const auto is_kept = [&] {
    for (std::size_t i = 0; i < kBytes; i += 4096)
      if (buffer->data()[i] != static_cast<std::byte>(i / 4096 % 251)) return false;
    return true;
  };
  // Read while they are merged; at the end only this holds the buffer.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  do CHECK(is_kept());
  while (buffer.use_count() > 1 && std::chrono::steady_clock::now() < until);
  CHECK(is_kept());
  llmagentos::merge_pages_in_background(buffer);
  buffer.reset();  // the thread ends by itself
}

TEST(threads_of_the_pool_take_no_signals_but_their_own_faults) {
  ThreadPool pool(3);
  std::atomic<int> as_wanted{0};
  pool.run([&](int thread) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    const bool takes_signals = sigismember(&blocked, SIGINT) == 0 && sigismember(&blocked, SIGPROF) == 0;
    bool takes_faults = true;
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      takes_faults = takes_faults && sigismember(&blocked, fault) == 0;
    as_wanted += takes_faults && takes_signals == (thread == 0);  // thread 0 is the caller
  });
  CHECK(as_wanted == 3);
}

TEST(moving_a_buffer_moves_its_memory) {
  AlignedBuffer first(100);
  std::byte* const data = first.data();
  AlignedBuffer second(std::move(first));
  CHECK(second.data() == data && second.size() == 100);
  AlignedBuffer third(5);
  third = std::move(second);
  CHECK(third.data() == data && third.size() == 100);
  CHECK(AlignedBuffer().data() == nullptr && AlignedBuffer(0).data() == nullptr);
}

TEST(a_refused_allocation_names_its_bytes) {
  for (const std::size_t bytes : {std::size_t{1} << 60, ~std::size_t{0}}) {
    bool named = false;
    try {
      AlignedBuffer buffer(bytes);
    } catch (const OutOfMemoryError& error) {
      named = std::string(error.what()).find(std::to_string(bytes)) != std::string::npos;
    }
    CHECK(named);
  }
}

TEST_MAIN
