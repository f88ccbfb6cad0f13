// How many of a pool's threads to use, when another process may hold some of the CPUs.
#pragma once

#include <chrono>

namespace llmagentos {

// Threads that meet at barriers go at the pace of the one that gets the least of a CPU. Where a CPU is shared with
// a busy process, two threads can be slower than one that the system moves to the free CPU: the work of a model's
// step is cut by dozens of barriers, and each waits for a thread that is not running. So it is counted what CPU time
// went into the work itself, and how long a thread had work but no CPU. If the latter happens, and one thread fewer,
// undisturbed, would have given as much work in the time that passed, the next runs do without one; from time to time
// another is tried again, less often the longer this fails. Without the former large pools would shrink too, since
// barriers and uneven shares leave their threads idle.
class Turnout {
 public:
  using Clock = std::chrono::steady_clock;

  struct Effort {
    Clock::duration worked{};  // by all threads together, without their waiting
    Clock::duration lost{};    // by the thread that had work, but no CPU, for the longest time
  };

  explicit Turnout(int size) : size_(size), threads_(size) {}

  // For a run that starts now: from 1 to the size.
  int threads(Clock::time_point now);

  // A run of so many threads.
  void record(int threads, Clock::time_point start, Clock::time_point end, const Effort& effort);

 private:
  static constexpr std::chrono::milliseconds kWindow{30};  // some time slices of the system's scheduler
  static constexpr std::chrono::milliseconds kFirstHold{120};
  static constexpr std::chrono::milliseconds kLongestHold{1920};
  static constexpr double kMargin = 1.1;
  static constexpr double kLeastLost = 0.04;  // of the time that passed

  void judge(Clock::time_point now);

  int size_;
  int threads_;
  Clock::duration passed_{};  // in the runs since the last judgement
  Effort effort_;
  Clock::duration hold_ = kFirstHold;  // how long the next reduction lasts
  Clock::time_point try_more_at_{};
};

}  // namespace llmagentos
