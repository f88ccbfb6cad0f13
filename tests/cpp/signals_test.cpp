#include "base/signals.h"

#include <signal.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "check.h"

using llmagentos::ThreadPool;

TEST(threads_of_the_pool_take_no_signals_but_their_own_faults) {
  ThreadPool pool(3);
  std::atomic<int> as_wanted{0};
  pool.run([&](int thread) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    const bool takes_signals = sigismember(&blocked, SIGINT) == 0 && sigismember(&blocked, SIGPROF) == 0;
    bool takes_faults = true;
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      takes_faults = takes_faults && sigismember(&blocked, fault) == 0;
    as_wanted += takes_faults && takes_signals == (thread == 0);  // thread 0 is the caller
  });
  CHECK(as_wanted == 3);
}

TEST(signals_are_blocked_for_as_long_as_asked_and_in_threads_that_begin_meanwhile) {
  const auto takes = [](int number) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return sigismember(&blocked, number) == 0;
  };
  bool in_thread = true;
  {
    const llmagentos::SignalsBlocked blocked;
    CHECK(!takes(SIGINT) && takes(SIGSEGV));
    std::thread([&] { in_thread = takes(SIGINT); }).join();
  }
  CHECK(takes(SIGINT));
  CHECK(!in_thread);
}

TEST(signals_with_a_function_are_found_and_whether_calls_go_on_after_it) {
  struct sigaction action = {}, before;
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);
  const std::vector<int> numbers = {SIGUSR1, SIGUSR2, -1};
  std::vector<llmagentos::HandledSignal> found = llmagentos::handled_signals(numbers);
  CHECK(found.size() == 1 && found[0].number == SIGUSR1 && !found[0].restarts);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  found = llmagentos::handled_signals(numbers);
  CHECK(found.size() == 1 && found[0].restarts);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_MAIN
