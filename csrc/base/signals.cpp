#include "base/signals.h"

#if defined(__unix__) || defined(__APPLE__)
#include <signal.h>
#endif

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

}  // namespace llmagentos
