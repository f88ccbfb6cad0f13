// One pool of threads of our own. The caller is thread 0; size() - 1 workers wait beside it.
#pragma once

#include <memory>

namespace llmagentos {

// How waiting works: a thread that waits (for work, at a barrier, for the others to finish) first spins with the
// processor's pause hint, then yields its time slice, then sleeps. Both bounds are times, 40 and 160 microseconds, so
// an idle pool uses no CPU; a pool with more threads than usable CPUs does not spin, because the thread it waits for
// may need the CPU it spins on.
//
// Fork: a child process gets no workers. run() there throws Error, and the destructor gives up the pool's memory
// without touching it. Make models after forking.
class ThreadPool {
 public:
  // 0: one thread per usable CPU (base/cpu_count.h). Negative or more than kMaxThreads throws InvalidArgument.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr int kMaxThreads = 1024;

  int size() const { return size_; }

  // Throws Error in a forked child. For whoever holds a lock during runs: a child has it held for ever where its
  // parent was in one.
  void check_owner() const;

  // Runs f(int thread) once for each thread in [0, size()) and returns when all have returned. What the caller wrote
  // before is visible to every thread, and what the threads wrote is visible to the caller after. Nothing is
  // allocated or copied. Where threads throw, the first exception is thrown here again once all have stopped, and the
  // pool stays usable. Callers on several threads take turns; a call from inside a task throws InvalidArgument.
  template <class F>
  void run(F&& f) {
    run_task(Share::dealt, f);
  }

  // The same for an f whose threads claim their work piece by piece, so that any number of them does all of it: on
  // threads [0, participants()). That is size(), or fewer while some of them have too little of a CPU to be of use
  // (base/turnout.h).
  template <class F>
  void run_claimed(F&& f) {
    run_task(Share::claimed, f);
  }

  // Inside a run only: how many threads it has.
  int participants() const;

  // Inside a run only: returns when every participant has called it as often as this one; writes before it are visible
  // to all after it. When a thread has thrown, it throws an internal exception here that unwinds this thread
  // too, so tasks that use barriers must let exceptions through.
  void barrier();

 private:
  enum class Share { dealt, claimed };
  struct State;

  template <class F>
  void run_task(Share share, F& f) {
    run(
        share, [](void* context, int thread) { (*static_cast<F*>(context))(thread); },
        const_cast<void*>(static_cast<const void*>(std::addressof(f))));
  }
  void run(Share share, void (*task)(void* context, int thread), void* context);

  std::unique_ptr<State> state_;
  int size_;
};

}  // namespace llmagentos
