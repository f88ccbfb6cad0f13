#include "base/turnout.h"

#include <algorithm>

namespace llmagentos {

int Turnout::threads(Clock::time_point now) {
  if (threads_ < size_ && now >= try_more_at_) {
    ++threads_;
    passed_ = {};
    effort_ = {};
    try_more_at_ = Clock::time_point::max();  // not before this number has been judged
  }
  return threads_;
}

void Turnout::record(int threads, Clock::time_point start, Clock::time_point end, const Effort& effort) {
  if (threads != threads_ || size_ == 1) return;
  passed_ += end - start;
  effort_.worked += effort.worked;
  effort_.lost += effort.lost;
  if (passed_ < kWindow) return;
  judge(end);
  passed_ = {};
  effort_ = {};
}

void Turnout::judge(Clock::time_point now) {
  const double passed = std::chrono::duration<double>(passed_).count();
  const double worked = std::chrono::duration<double>(effort_.worked).count();
  const double lost = std::chrono::duration<double>(effort_.lost).count();
  if (lost > kLeastLost * passed && passed * (threads_ - 1) > kMargin * worked) {
    --threads_;
    try_more_at_ = now + hold_;
    hold_ = std::min<Clock::duration>(2 * hold_, kLongestHold);
  } else if (try_more_at_ == Clock::time_point::max()) {
    hold_ = kFirstHold;  // the thread that was tried is of use
    try_more_at_ = now;
  }
}

}  // namespace llmagentos
