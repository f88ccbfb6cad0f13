// What signals may interrupt.
#pragma once

#include <signal.h>

namespace llmagentos {

// Whether system calls go on after the signal's handler (SA_RESTART) rather than end with EINTR. False for a number
// that is no signal, and on systems without sigaction.
bool restarts_system_calls(int signal);

// Blocks all signals in this thread, and in those that it starts meanwhile: signals are for the program's own threads.
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
