// How the system treats a call that a signal interrupts.
#pragma once

namespace llmagentos {

// Whether system calls go on after the signal's handler (SA_RESTART) rather than end with EINTR. False for a number
// that is no signal, and on systems without sigaction.
bool restarts_system_calls(int signal);

}  // namespace llmagentos
