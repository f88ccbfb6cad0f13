#include "base/turnout.h"

#include <algorithm>

namespace llmagentos {

int Turnout::threads(Clock::time_point now) {
  if (threads_ < size_ && now >= try_more_at_) {
    ++threads_;
    passed_ = lost_ = {};
    try_more_at_ = Clock::time_point::max();  // not before this number has been judged
  }
  return threads_;
}

void Turnout::record(int threads, Clock::time_point now, Clock::duration passed, Clock::duration lost) {
  if (threads != threads_ || size_ == 1) return;
  passed_ += passed;
  lost_ += lost;
  if (passed_ < kWindow) return;
  judge(now);
  passed_ = lost_ = {};
}

void Turnout::judge(Clock::time_point now) {
  const double passed = std::chrono::duration<double>(passed_).count();
  const double undisturbed = passed - std::chrono::duration<double>(lost_).count();
  if (passed * (threads_ - 1) > kMargin * undisturbed * threads_) {
    --threads_;
    try_more_at_ = now + hold_;
    hold_ = std::min<Clock::duration>(2 * hold_, kLongestHold);
  } else if (try_more_at_ == Clock::time_point::max()) {
    hold_ = kFirstHold;  // the thread that was tried is of use
    try_more_at_ = now;
  }
}

}  // namespace llmagentos
