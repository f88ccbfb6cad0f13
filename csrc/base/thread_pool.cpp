#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/cpu_count.h"
#include "base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace llmagentos {
namespace {

using Clock = std::chrono::steady_clock;

struct Patience {
  Clock::duration spin;   // with the pause hint: reacts within tens of nanoseconds, holds the CPU
  Clock::duration yield;  // after it: gives the CPU to whoever can use it, but still burns idle time
};

// A step's phases last from a few microseconds to a millisecond, and a sleeping thread takes about 50 microseconds
// to come back.
constexpr Patience kPatient{std::chrono::microseconds(40), std::chrono::microseconds(160)};
constexpr Patience kOversubscribed{std::chrono::microseconds(0), std::chrono::microseconds(20)};

void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

// A counter that only grows, and on which threads can wait for the next change.
class Signal {
 public:
  std::uint32_t value() const { return value_.load(std::memory_order_acquire); }

  void advance() {
    // Sequentially consistent with the sleeper's side below: either this sees the sleeper, or the sleeper sees the
    // new value. A notification, and its lock, is paid for only when somebody sleeps.
    value_.fetch_add(1);
    if (sleepers_.load() == 0) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
    }
    changed_.notify_all();
  }

  // Returns when the value is no longer `seen`.
  void wait(std::uint32_t seen, const Patience& patience) {
    constexpr int kChecksPerClockRead = 16;
    const Clock::time_point start = Clock::now();
    do {
      for (int check = 0; check < kChecksPerClockRead; ++check) {
        if (value() != seen) return;
        pause_cpu();
      }
    } while (Clock::now() - start < patience.spin);
    const Clock::time_point yield_until = Clock::now() + patience.yield;
    do {
      if (value() != seen) return;
      sched_yield();
    } while (Clock::now() < yield_until);
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);
    changed_.wait(lock, [&] { return value_.load() != seen; });
    sleepers_.fetch_sub(1);
  }

 private:
  alignas(64) std::atomic<std::uint32_t> value_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Thrown by barrier() to unwind the threads that waited for one that has failed. Never leaves run().
struct BarrierAbandoned {};

// The pool whose task this thread is in, to refuse nested runs instead of waiting for ever.
thread_local const void* running_pool = nullptr;

}  // namespace

struct ThreadPool::State {
  explicit State(int threads) : size(threads), owner(getpid()) {
    patience = threads <= usable_cpus() ? kPatient : kOversubscribed;
  }

  const int size;
  const pid_t owner;
  Patience patience{};
  std::mutex callers;  // one run at a time
  std::vector<std::thread> workers;

  // The run in progress. Written by the caller before work.advance(), read by workers after they see it.
  void (*task)(void*, int) = nullptr;
  void* context = nullptr;
  bool stop = false;

  Signal work;  // advances once per run
  Signal done;  // advances when the last worker has finished a run
  alignas(64) std::atomic<int> unfinished{0};

  Signal phase;  // advances when all threads have arrived at a barrier, or one has failed
  alignas(64) std::atomic<int> arrived{0};
  std::atomic<bool> failed{false};
  std::mutex failure;
  std::exception_ptr first_exception;

  void barrier() {
    if (size == 1) return;
    const std::uint32_t seen = phase.value();
    if (failed.load(std::memory_order_acquire)) throw BarrierAbandoned{};
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
      arrived.store(0, std::memory_order_relaxed);
      phase.advance();
    } else {
      phase.wait(seen, patience);
    }
    if (failed.load(std::memory_order_acquire)) throw BarrierAbandoned{};
  }

  void execute(int thread) {
    running_pool = this;
    try {
      task(context, thread);
    } catch (const BarrierAbandoned&) {
      // Another thread failed and has recorded why.
    } catch (...) {
      {
        const std::lock_guard<std::mutex> lock(failure);
        if (!first_exception) first_exception = std::current_exception();
      }
      failed.store(true, std::memory_order_release);
      phase.advance();
    }
    running_pool = nullptr;
  }

  void work_loop(int thread) {
    std::uint32_t seen = 0;
    for (;;) {
      work.wait(seen, patience);
      // Not the value at wake-up: a worker takes part in every run, and the next starts only after it has.
      ++seen;
      if (stop) return;
      execute(thread);
      if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) done.advance();
    }
  }

  void start_workers() {
    // Signals are for the program's own threads.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      workers.reserve(static_cast<std::size_t>(size) - 1);
      for (int thread = 1; thread < size; ++thread) {
        workers.emplace_back([this, thread] { work_loop(thread); });
#if defined(__linux__)
        pthread_setname_np(workers.back().native_handle(), "llmagentos");
#endif
      }
    } catch (const std::exception& error) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      stop_workers();
      throw Error("cannot start thread " + std::to_string(workers.size() + 1) + " of " + std::to_string(size) + ": " +
                  error.what() + "; ask for fewer threads");
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void stop_workers() {
    stop = true;
    work.advance();
    for (std::thread& worker : workers) worker.join();
  }
};

ThreadPool::ThreadPool(int threads) : size_(threads == 0 ? usable_cpus() : threads) {
  if (threads < 0 || threads > kMaxThreads) {
    throw InvalidArgument("threads must be between 1 and " + std::to_string(kMaxThreads) + ", not " +
                          std::to_string(threads));
  }
  size_ = size_ < kMaxThreads ? size_ : kMaxThreads;
  state_ = std::make_unique<State>(size_);
  state_->start_workers();
}

ThreadPool::~ThreadPool() {
  if (!state_) return;
  if (state_->owner != getpid()) {
    // A forked child: the workers exist only in the parent, and joining them, or destroying what they wait on,
    // would wait for ever.
    static_cast<void>(state_.release());
    return;
  }
  state_->stop_workers();
}

void ThreadPool::run(void (*task)(void* context, int thread), void* context) {
  State& state = *state_;
  if (running_pool == &state) throw InvalidArgument("ThreadPool::run was called inside a task of the same pool");
  if (state.owner != getpid()) {
    throw Error(
        "this process was forked after the thread pool was made and has none of its threads; make the pool "
        "(load the model) in the process that uses it");
  }
  const std::lock_guard<std::mutex> lock(state.callers);
  state.task = task;
  state.context = context;
  state.arrived.store(0, std::memory_order_relaxed);
  state.failed.store(false, std::memory_order_relaxed);
  state.unfinished.store(state.size - 1, std::memory_order_relaxed);
  const std::uint32_t seen = state.done.value();
  if (state.size > 1) state.work.advance();
  const void* const outer = running_pool;
  state.execute(0);
  running_pool = outer;
  if (state.size > 1) state.done.wait(seen, state.patience);
  if (state.first_exception) std::rethrow_exception(std::exchange(state.first_exception, nullptr));
}

void ThreadPool::barrier() { state_->barrier(); }

}  // namespace llmagentos
