// What signals may interrupt.
#pragma once

#include <signal.h>

#include <span>
#include <vector>

namespace llmagentos {

struct HandledSignal {
  int number;
  bool restarts;  // whether system calls go on after the handler (SA_RESTART) rather than end with EINTR
};

// Those of the signals that this process has a function for, rather than the default or nothing. A number that is no
// signal is left out.
std::vector<HandledSignal> handled_signals(std::span<const int> numbers);

// Blocks signals in this thread, and in those that it starts meanwhile: they are for the program's own threads. But a
// thread's own faults are not blocked, so that who handles crashes (Python's faulthandler) tells of those, too.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace llmagentos
