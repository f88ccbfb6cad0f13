"""A machine as a formula: what the pace asks for is computed, and it learns from how long that takes."""

from __future__ import annotations

from llmagentos.engine.pacing import (
    BURST_SECONDS,
    CHUNK_SECONDS,
    DEFAULT_STRETCH,
    LATE_SHARE,
    LEAST_CHUNK,
    LEAST_SHARE,
    SETTLING_STEPS,
    Pace,
    StepTime,
)

ALONE, PER_TOKEN, OVERHEAD = 0.010, 0.001, 0.0005


def run_alone(pace: Pace, n_steps: int = 1, *, n_streams: int = 4, alone: float = ALONE) -> None:
    for _ in range(n_steps):
        pace.record(n_streams, 0, StepTime(alone + OVERHEAD, alone))


def run_beside(pace: Pace, *, alone: float = ALONE, held_up: float = 0.0, is_late: bool = False) -> float:
    """A step of 4 streams that goes on with a prompt; returns how long it took.

    `held_up`: seconds that the machine took away, before the prompt's time is over or, where `is_late`, after it.
    """
    time = pace.aside_time(4, has_joined=False)
    batch = alone + (0.0 if is_late else held_up)
    aside = max(time.until - batch, time.at_least) + (held_up if is_late else 0.0)
    pace.record(4, 0, StepTime(batch + aside + OVERHEAD, batch, aside))
    return batch + aside + OVERHEAD


def learned(target: float | None = None) -> Pace:
    pace = Pace(target)
    pace.record(0, 100, StepTime(100 * PER_TOKEN, 100 * PER_TOKEN))
    run_alone(pace, 4 * SETTLING_STEPS)
    return pace


def test_beside_streams_of_which_nothing_is_known_a_prompt_advances() -> None:
    assert Pace().aside_time(4, has_joined=False).at_least > 0


def test_steps_are_stretched_as_far_as_allowed_where_nothing_holds_them_up() -> None:
    for target, allowed in ((None, DEFAULT_STRETCH * (ALONE + OVERHEAD)), (0.05, 0.05)):
        pace = learned(target)
        times = [run_beside(pace) for _ in range(400)]
        assert max(times) <= allowed + 1e-9
        assert min(times[-50:]) >= 0.97 * allowed


def test_what_holds_streams_up_is_taken_from_the_prompt() -> None:
    pace = learned()
    usual = run_beside(pace)
    assert abs(run_beside(pace, held_up=0.006) - usual) < 0.001


def test_few_steps_are_late_on_a_machine_that_holds_some_up() -> None:
    pace, times = learned(), list[float]()
    for number in range(2000):
        times.append(run_beside(pace, held_up=0.004 if number % 10 == 0 else 0.0, is_late=True))
    late = [time for time in times[400:] if time > DEFAULT_STRETCH * (ALONE + OVERHEAD)]
    assert len(late) <= 1.3 * LATE_SHARE * 1600
    assert sorted(times)[1000] >= 2.2 * ALONE


def test_streams_that_take_longer_as_their_texts_grow_are_followed() -> None:
    pace = learned()
    for _ in range(2 * SETTLING_STEPS):
        run_beside(pace)
    for _ in range(300):
        run_beside(pace, alone=2 * ALONE)
    assert run_beside(pace, alone=2 * ALONE) >= 0.9 * DEFAULT_STRETCH * 2 * ALONE


def test_what_streams_lose_beside_a_prompt_does_not_stretch_the_steps_further() -> None:
    pace = learned()
    times = [run_beside(pace, alone=1.2 * ALONE) for _ in range(300)]
    assert max(times) <= 1.05 * DEFAULT_STRETCH * (ALONE + OVERHEAD)
    run_alone(pace, SETTLING_STEPS, alone=1.2 * ALONE)  # not settled yet
    assert run_beside(pace, alone=1.2 * ALONE) <= 1.05 * DEFAULT_STRETCH * (ALONE + OVERHEAD)


def test_streams_of_another_number_are_taken_for_those_that_are_known() -> None:
    assert learned().aside_time(9, has_joined=False) == learned().aside_time(4, has_joined=False)
    assert learned().aside_time(1, has_joined=False) == learned().aside_time(4, has_joined=False)


def test_a_prompt_advances_however_little_time_there_is() -> None:
    time = learned(0.001).aside_time(4, has_joined=False)
    assert abs(time.at_least - LEAST_SHARE * (ALONE + OVERHEAD)) < 1e-9


def test_prompts_that_join_the_streams_leave_what_is_aside_its_time() -> None:
    time = learned().aside_time(4, has_joined=True)
    assert time.at_least > 0.5 * (DEFAULT_STRETCH - 1) * ALONE


def test_sizes_are_by_what_a_token_costs() -> None:
    pace = learned()
    share = 1 - 1 / (0.9 * DEFAULT_STRETCH)
    assert pace.joining_tokens(4) == round(BURST_SECONDS / PER_TOKEN)
    assert abs(pace.chunk_tokens(4, 512) - share * CHUNK_SECONDS / PER_TOKEN) < 2
    assert pace.chunk_tokens(4, 100) == 100
    for _ in range(30):
        pace.record_chunk(300, 300 * 20 * PER_TOKEN)
    assert pace.joining_tokens(4) <= 8
    assert pace.chunk_tokens(4, 512) == LEAST_CHUNK


def test_a_chunk_is_smaller_where_it_takes_longer_beside_the_streams() -> None:
    share = LEAST_SHARE / (1 + LEAST_SHARE)
    assert abs(learned(0.001).chunk_tokens(4, 512) - share * CHUNK_SECONDS / PER_TOKEN) < 2


def test_what_joins_the_streams_says_what_a_token_costs() -> None:
    pace = learned()
    for _ in range(30):
        pace.record(4, 50, StepTime(ALONE + OVERHEAD + 50 * 2 * PER_TOKEN, ALONE + 50 * 2 * PER_TOKEN))
    assert abs(pace.joining_tokens(4) - BURST_SECONDS / (2 * PER_TOKEN)) < 2


def test_one_step_that_was_held_up_or_too_fast_changes_no_cost() -> None:
    for seconds in (1.0, 0.0001):
        pace = learned()
        pace.record_chunk(100, 100 * PER_TOKEN)
        pace.record_chunk(100, seconds)
        assert pace.joining_tokens(4) == round(BURST_SECONDS / PER_TOKEN)


def test_with_a_target_prompts_join_streams_as_far_as_that_leaves_time() -> None:
    pace = learned(0.02)
    assert 0 < pace.joining_tokens(4) * PER_TOKEN <= 0.02 - ALONE - OVERHEAD
    assert pace.aside_time(4, has_joined=True) == pace.aside_time(4, has_joined=False)
    assert pace.joining_steps > 1
    assert learned(0.005).joining_tokens(4) == 0


def test_nothing_joins_streams_where_no_cost_is_known() -> None:
    for pace in (Pace(), Pace(0.05)):
        assert pace.joining_tokens(4) == 0
        assert pace.chunk_tokens(4, 512) == LEAST_CHUNK


def test_slower_streams_that_begin_beside_a_prompt_are_not_taken_for_disturbed_ones() -> None:
    pace, slow = learned(), 3 * ALONE
    pace.record(0, 100, StepTime(100 * PER_TOKEN, 100 * PER_TOKEN))  # the other streams have ended
    for _ in range(100):
        run_beside(pace, alone=slow)
    assert run_beside(pace, alone=slow) >= 0.8 * DEFAULT_STRETCH * slow


def test_the_worst_that_is_taken_for_disturbance_still_leaves_a_prompt_its_time() -> None:
    pace, slow = learned(), 3 * ALONE
    run_alone(pace, SETTLING_STEPS)
    for _ in range(100):
        run_beside(pace, alone=slow)
    assert run_beside(pace, alone=slow) >= 0.5 * DEFAULT_STRETCH * slow
