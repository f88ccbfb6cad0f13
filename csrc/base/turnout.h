// How many of a pool's threads to use, when another process may hold some of the CPUs.
#pragma once

#include <chrono>

namespace llmagentos {

// Threads that meet at barriers go at the pace of the one that gets the least of a CPU. Where a CPU is shared with
// a busy process, two threads can be slower than one that the system moves to the free CPU: the work of a model's
// step is cut by dozens of barriers, and each waits for a thread that is not running. So it is counted how long runs
// waited for a thread that had work but no CPU. Where one thread fewer, without that, would have been as quick, the
// next runs do without one; from time to time another is tried again, less often the longer this fails.
class Turnout {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Turnout(int size) : size_(size), threads_(size) {}

  // For a run that starts now: from 1 to the size.
  int threads(Clock::time_point now);

  // A run of so many threads that took `passed` until `now`. `lost` is the most that one of them had work but no CPU.
  void record(int threads, Clock::time_point now, Clock::duration passed, Clock::duration lost);

 private:
  static constexpr std::chrono::milliseconds kWindow{30};  // some time slices of the system's scheduler
  static constexpr std::chrono::milliseconds kFirstHold{120};
  static constexpr std::chrono::milliseconds kLongestHold{1920};
  static constexpr double kMargin = 1.1;

  void judge(Clock::time_point now);

  int size_;
  int threads_;
  Clock::duration passed_{};  // in the runs since the last judgement
  Clock::duration lost_{};
  Clock::duration hold_ = kFirstHold;  // how long the next reduction lasts
  Clock::time_point try_more_at_{};
};

}  // namespace llmagentos
