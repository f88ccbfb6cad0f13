#include "base/signals.h"

#include <pthread.h>

namespace llmagentos {

std::vector<HandledSignal> handled_signals(std::span<const int> numbers) {
  std::vector<HandledSignal> found;
  for (const int number : numbers) {
    struct sigaction action;
    if (sigaction(number, nullptr, &action) != 0) continue;
    const bool is_handled =
        (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
    if (is_handled) found.push_back({number, (action.sa_flags & SA_RESTART) != 0});
  }
  return found;
}

SignalsBlocked::SignalsBlocked() {
  sigset_t blocked;
  sigfillset(&blocked);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace llmagentos
