#include "base/turnout.h"

#include <chrono>

#include "check.h"

using llmagentos::Turnout;
using std::chrono::milliseconds;

namespace {

// A machine on which a run of `turnout.threads()` threads takes so long, in which one of them is so long without a CPU.
struct Machine {
  Turnout turnout;
  Turnout::Clock::time_point now{};
  int threads = 0;

  explicit Machine(int size) : turnout(size) {}

  void run(milliseconds takes, milliseconds loses) {
    threads = turnout.threads(now);
    now += takes;
    turnout.record(threads, now, takes, loses);
  }
};

// Two threads, of which one shares its CPU: a step of 6 ms of work takes 12 ms; one thread alone takes 6 ms.
void disturbed_step(Machine& machine) {
  if (machine.turnout.threads(machine.now) == 2)
    machine.run(milliseconds(12), milliseconds(8));
  else
    machine.run(milliseconds(6), milliseconds(0));
}

}  // namespace

TEST(all_threads_stay_where_none_lacks_a_cpu) {
  for (const int size : {2, 4, 16, 64}) {
    Machine machine(size);
    for (int i = 0; i < 1000; ++i) {
      machine.run(milliseconds(3), milliseconds(0));
      CHECK(machine.threads == size);
    }
  }
}

TEST(a_thread_stays_where_it_gives_more_than_it_costs) {
  Machine two(2), many(32);
  for (int i = 0; i < 1000; ++i) {
    two.run(milliseconds(10), milliseconds(4));
    CHECK(two.threads == 2);
    many.run(milliseconds(100), milliseconds(11));
    CHECK(many.threads == 32);
  }
}

TEST(one_thread_is_never_reduced) {
  Machine machine(1);
  for (int i = 0; i < 100; ++i) {
    machine.run(milliseconds(50), milliseconds(49));
    CHECK(machine.threads == 1);
  }
}

TEST(a_short_disturbance_is_not_judged_alone) {
  Machine machine(2);
  for (int i = 0; i < 100; ++i) {
    machine.run(i % 10 == 0 ? milliseconds(8) : milliseconds(3), milliseconds(i % 10 == 0 ? 5 : 0));
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
  while (machine.turnout.threads(machine.now) == 1) machine.run(milliseconds(6), milliseconds(0));
  CHECK(machine.now - freed <= milliseconds(2000));
  for (int i = 0; i < 1000; ++i) {
    machine.run(milliseconds(3), milliseconds(0));
    CHECK(machine.threads == 2);
  }
}

TEST(several_threads_are_left_out_one_after_another) {
  Machine machine(4);
  // Two of four CPUs are taken: with more threads than are free, a step of 12 ms of work takes 20 ms.
  const auto step = [&] {
    const int threads = machine.turnout.threads(machine.now);
    machine.run(milliseconds(threads > 2 ? 20 : 12 / threads), milliseconds(threads > 2 ? 10 : 0));
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
