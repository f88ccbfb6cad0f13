// One pool of threads of our own. The caller is thread 0; size() - 1 workers wait beside it.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace llmagentos {

// How waiting works: a thread that waits (for work, at a barrier, for the others to finish) first spins with the
// processor's pause hint, then yields its time slice, then sleeps. Both bounds are times, tens of microseconds, so an
// idle pool uses no CPU; a pool with more threads than usable CPUs does not spin, because the thread it waits for
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

  // Runs task(context, thread) once for each thread in [0, size()) and returns when all have returned. What the
  // caller wrote before is visible to every thread, and what the threads wrote is visible to the caller after.
  // Where threads throw, the first exception is thrown here again once all have stopped, and the pool stays usable.
  // Callers on several threads take turns; a call from inside a task throws InvalidArgument.
  void run(void (*task)(void* context, int thread), void* context);

  // The same for a callable f(int thread); nothing is allocated or copied.
  template <class F>
  void run(F&& f) {
    using Callable = std::remove_reference_t<F>;
    run([](void* context, int thread) { (*static_cast<Callable*>(context))(thread); },
        const_cast<void*>(static_cast<const void*>(std::addressof(f))));
  }

  // Inside run only: returns when every thread has called it as often as this one; writes before it are visible
  // to all after it. When a thread has thrown, it throws an internal exception here that unwinds this thread
  // too, so tasks that use barriers must let exceptions through.
  void barrier();

 private:
  struct State;
  std::unique_ptr<State> state_;
  int size_;
};

}  // namespace llmagentos
