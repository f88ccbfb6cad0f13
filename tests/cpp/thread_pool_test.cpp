#include "base/thread_pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/cpu_count.h"
#include "base/error.h"
#include "check.h"

using llmagentos::Error;
using llmagentos::InvalidArgument;
using llmagentos::ThreadPool;

namespace {

const std::vector<int> kSizes = {1, 2, 3, 8};

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

TEST_MAIN
