#include "base/signals.h"

#include <pthread.h>

namespace llmagentos {

bool restarts_system_calls(int signal) {
#if defined(SA_RESTART)
  struct sigaction action;
  return sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_RESTART) != 0;
#else
  static_cast<void>(signal);
  return false;
#endif
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace llmagentos
