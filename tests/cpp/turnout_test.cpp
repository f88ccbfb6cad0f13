#include "base/turnout.h"

#include <chrono>

#include "check.h"

using llmagentos::Turnout;
using std::chrono::milliseconds;

namespace {

// A machine on which a run of `turnout.threads()` threads takes so long and works so much; one of them is so long
// without a CPU.
struct Machine {
  Turnout turnout;
  Turnout::Clock::time_point now{};
  int threads = 0;

  explicit Machine(int size) : turnout(size) {}

  void run(milliseconds takes, milliseconds works, milliseconds loses = milliseconds(0)) {
    threads = turnout.threads(now);
    turnout.record(threads, now, now + takes, {works, loses});
    now += takes;
  }
};

// Two threads, of which one shares its CPU: a step of 6 ms of work takes 10 ms; one thread alone takes 6 ms.
void disturbed_step(Machine& machine) {
  if (machine.turnout.threads(machine.now) == 2)
    machine.run(milliseconds(10), milliseconds(6), milliseconds(1));
  else
    machine.run(milliseconds(6), milliseconds(6));
}

}  // namespace

TEST(all_threads_stay_while_they_are_of_use) {
  Machine machine(4);
  for (int i = 0; i < 1000; ++i) {
    machine.run(milliseconds(30), milliseconds(100), milliseconds(9));
    CHECK(machine.threads == 4);
  }
}

TEST(threads_that_wait_for_each_other_stay_where_none_lacks_a_cpu) {
  for (const int size : {2, 4, 16, 64}) {
    Machine machine(size);
    for (int i = 0; i < 1000; ++i) {
      machine.run(milliseconds(10), milliseconds(size * 10 / 3));
      CHECK(machine.threads == size);
    }
  }
}

TEST(one_thread_is_never_reduced) {
  Machine machine(1);
  for (int i = 0; i < 100; ++i) {
    machine.run(milliseconds(50), milliseconds(1), milliseconds(49));
    CHECK(machine.threads == 1);
  }
}

TEST(a_short_disturbance_is_not_judged_alone) {
  Machine machine(2);
  for (int i = 0; i < 100; ++i) {
    machine.run(milliseconds(i % 10 == 0 ? 8 : 3), milliseconds(6), milliseconds(i % 10 == 0 ? 5 : 0));
    CHECK(machine.threads == 2);
  }
}

TEST(a_thread_without_a_cpu_is_left_out_and_tried_less_and_less_often) {
  Machine machine(2);
  int tries = 0, last = 2;
  milliseconds with_two{0};
  const milliseconds total{20000};
  while (machine.now.time_since_epoch() < total) {
    const auto before = machine.now;
    disturbed_step(machine);
    if (machine.threads == 2) with_two += std::chrono::duration_cast<milliseconds>(machine.now - before);
    if (machine.threads == 2 && last == 1) ++tries;
    last = machine.threads;
  }
  CHECK(tries >= 8 && tries <= 16);
  CHECK(with_two < total / 20);
}

TEST(the_thread_comes_back_when_its_cpu_is_free) {
  Machine machine(2);
  for (int i = 0; i < 3000; ++i) disturbed_step(machine);
  CHECK(machine.turnout.threads(machine.now) == 1);
  const auto freed = machine.now;
  while (machine.turnout.threads(machine.now) == 1) machine.run(milliseconds(6), milliseconds(6));
  CHECK(machine.now - freed <= milliseconds(2000));
  for (int i = 0; i < 1000; ++i) {
    machine.run(milliseconds(3), milliseconds(6));
    CHECK(machine.threads == 2);
  }
}

TEST(several_threads_are_left_out_one_after_another) {
  Machine machine(4);
  // Two of four CPUs are taken: with more threads than are free, a step of 12 ms of work takes 20 ms.
  const auto step = [&] {
    const int threads = machine.turnout.threads(machine.now);
    machine.run(milliseconds(threads > 2 ? 20 : 12 / threads), milliseconds(12), milliseconds(threads > 2 ? 10 : 0));
  };
  for (int i = 0; i < 2000; ++i) step();
  CHECK(machine.turnout.threads(machine.now) <= 3);
  int with_two = 0;
  for (int i = 0; i < 1000; ++i) {
    step();
    with_two += machine.threads == 2;
  }
  CHECK(with_two > 900);
}

TEST_MAIN
