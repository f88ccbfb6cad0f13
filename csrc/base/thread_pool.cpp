#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
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
#include "base/signals.h"
#include "base/turnout.h"

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

// What this thread has had of a CPU.
std::chrono::nanoseconds cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// What became of a thread's time while it waited.
struct Waited {
  Clock::duration passed{};
  Clock::duration on_cpu{};
  Clock::duration late{};  // between what it waited for and its noticing, beyond what waking a thread takes

  Waited& operator+=(const Waited& other) {
    passed += other.passed;
    on_cpu += other.on_cpu;
    late += other.late;
    return *this;
  }
};

// A counter that only grows, and on which threads can wait for the next change.
class Signal {
 public:
  std::uint32_t value() const { return value_.load(std::memory_order_acquire); }

  void advance() {
    // Sequentially consistent with the sleeper's side below: either this sees the sleeper, or the sleeper sees the
    // new value. A notification, and its lock, is paid for only when somebody sleeps.
    advanced_at_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    value_.fetch_add(1);
    if (sleepers_.load() == 0) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
    }
    changed_.notify_all();
  }

  // Returns when the value is no longer `seen`.
  Waited wait(std::uint32_t seen, const Patience& patience) {
    if (value() != seen) return {};
    const Clock::time_point start = Clock::now();
    const bool came = spin(seen, start + patience.spin);
    Waited waited;
    waited.on_cpu = std::min<Clock::duration>(Clock::now() - start, patience.spin);  // more: it was interrupted
    if (!came) {
      const std::chrono::nanoseconds before = cpu_time();
      if (!yield(seen, Clock::now() + patience.yield)) sleep(seen);
      waited.on_cpu += cpu_time() - before;
    }
    const Clock::time_point now = Clock::now();
    waited.passed = now - start;
    const Clock::time_point advanced_at(Clock::duration(advanced_at_.load(std::memory_order_relaxed)));
    waited.late = std::max<Clock::duration>(now - advanced_at - kWaking, Clock::duration::zero());
    return waited;
  }

 private:
  bool spin(std::uint32_t seen, Clock::time_point until) const {
    constexpr int kChecksPerClockRead = 16;
    do {
      for (int check = 0; check < kChecksPerClockRead; ++check) {
        if (value() != seen) return true;
        pause_cpu();
      }
    } while (Clock::now() < until);
    return false;
  }

  bool yield(std::uint32_t seen, Clock::time_point until) const {
    do {
      if (value() != seen) return true;
      sched_yield();
    } while (Clock::now() < until);
    return false;
  }

  void sleep(std::uint32_t seen) {
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);
    changed_.wait(lock, [&] { return value_.load() != seen; });
    sleepers_.fetch_sub(1);
  }

  static constexpr std::chrono::microseconds kWaking{150};  // about 50, and some for a busy machine

  alignas(64) std::atomic<std::uint32_t> value_{0};
  std::atomic<Clock::rep> advanced_at_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Thrown by barrier() to unwind the threads that waited for one that has failed. Never leaves run().
struct BarrierAbandoned {};

// The pool whose task this thread is in, to refuse nested runs instead of waiting for ever.
thread_local const void* running_pool = nullptr;

// How this thread has waited at barriers, in the task it is in.
thread_local Waited waited{};

// One of the pool's own threads. Each has its own signal, so a run disturbs only those that take part in it.
struct alignas(64) Worker {
  Signal turn;             // advances once for each run it takes part in
  Turnout::Effort effort;  // its own, in the last of these
  std::thread thread;
};

}  // namespace

struct ThreadPool::State {
  explicit State(int threads)
      : size(threads), owner(getpid()), workers(static_cast<std::size_t>(threads) - 1), turnout(threads) {
    patience = threads <= usable_cpus() ? kPatient : kOversubscribed;
  }

  const int size;
  const pid_t owner;
  Patience patience{};
  std::mutex callers;  // one run at a time
  std::vector<Worker> workers;
  Turnout turnout;

  // The run in progress. Written by the caller before it calls the workers, read by them after.
  void (*task)(void*, int) = nullptr;
  void* context = nullptr;
  int participants = 0;
  bool stop = false;

  Signal done;  // advances when the last worker has finished a run
  alignas(64) std::atomic<int> unfinished{0};

  Signal phase;  // advances when all participants have arrived at a barrier, or one has failed
  alignas(64) std::atomic<int> arrived{0};
  std::atomic<bool> failed{false};
  std::mutex failure;
  std::exception_ptr first_exception;

  void barrier() {
    if (participants == 1) return;
    const std::uint32_t seen = phase.value();
    if (failed.load(std::memory_order_acquire)) throw BarrierAbandoned{};
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == participants) {
      arrived.store(0, std::memory_order_relaxed);
      phase.advance();
    } else {
      waited += phase.wait(seen, patience);
    }
    if (failed.load(std::memory_order_acquire)) throw BarrierAbandoned{};
  }

  // Returns this thread's own effort.
  Turnout::Effort execute(int thread) {
    running_pool = this;
    waited = {};
    const Clock::time_point start = Clock::now();
    const std::chrono::nanoseconds had = cpu_time();
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
    const Clock::duration worked = cpu_time() - had - waited.on_cpu;
    const Clock::duration stopped = std::max(Clock::now() - start - waited.passed - worked, Clock::duration::zero());
    return {worked, stopped + waited.late};
  }

  void work_loop(int thread) {
    Worker& worker = workers[static_cast<std::size_t>(thread) - 1];
    std::uint32_t seen = 0;
    for (;;) {
      const Clock::duration late = worker.turn.wait(seen, patience).late;
      ++seen;
      if (stop) return;
      worker.effort = execute(thread);
      worker.effort.lost += late;
      if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) done.advance();
    }
  }

  void start_workers() {
    const SignalsBlocked blocked;
    int started = 0;
    try {
      for (; started < size - 1; ++started) {
        std::thread& thread = workers[static_cast<std::size_t>(started)].thread;
        thread = std::thread([this, number = started + 1] { work_loop(number); });
#if defined(__linux__)
        pthread_setname_np(thread.native_handle(), "llmagentos");
#endif
      }
    } catch (const std::exception& error) {
      stop_workers();
      throw Error("cannot start thread " + std::to_string(started + 1) + " of " + std::to_string(size) + ": " +
                  error.what() + "; ask for fewer threads");
    }
  }

  void stop_workers() {
    stop = true;
    for (Worker& worker : workers) {
      if (!worker.thread.joinable()) continue;
      worker.turn.advance();
      worker.thread.join();
    }
  }

  Turnout::Effort run(int threads) {
    participants = threads;
    arrived.store(0, std::memory_order_relaxed);
    failed.store(false, std::memory_order_relaxed);
    unfinished.store(participants - 1, std::memory_order_relaxed);
    const std::uint32_t seen = done.value();
    for (int i = 0; i < participants - 1; ++i) workers[static_cast<std::size_t>(i)].turn.advance();
    const void* const outer = running_pool;
    Turnout::Effort effort = execute(0);
    running_pool = outer;
    if (participants > 1) effort.lost += done.wait(seen, patience).late;
    for (int i = 0; i < participants - 1; ++i) {
      const Turnout::Effort& own = workers[static_cast<std::size_t>(i)].effort;
      effort.worked += own.worked;
      effort.lost = std::max(effort.lost, own.lost);
    }
    return effort;
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

void ThreadPool::run(Share share, void (*task)(void* context, int thread), void* context) {
  State& state = *state_;
  if (running_pool == &state) throw InvalidArgument("ThreadPool::run was called inside a task of the same pool");
  check_owner();
  const std::lock_guard<std::mutex> lock(state.callers);
  state.task = task;
  state.context = context;
  if (share == Share::dealt) {
    state.run(state.size);
  } else {
    const Clock::time_point start = Clock::now();
    const int threads = state.turnout.threads(start);
    const Turnout::Effort effort = state.run(threads);
    state.turnout.record(threads, start, Clock::now(), effort);
  }
  if (state.first_exception) std::rethrow_exception(std::exchange(state.first_exception, nullptr));
}

void ThreadPool::check_owner() const {
  if (state_->owner == getpid()) return;
  throw Error(
      "this process was forked after the thread pool was made and has none of its threads; make the pool "
      "(load the model) in the process that uses it");
}

void ThreadPool::barrier() { state_->barrier(); }

int ThreadPool::participants() const { return state_->participants; }

}  // namespace llmagentos
