from __future__ import annotations

from llmagentos.engine.pacing import BURST_SECONDS, DEFAULT_STRETCH, LATE_SHARE, LEAST_TOKENS, PROBE_EVERY, Pace

ALONE, PER_TOKEN = 0.010, 0.001
LONG = [600]  # tokens of a prompt that does not end soon


def learned(target: float | None = None) -> Pace:
    """Steps of 4 streams take ALONE, each prompt token PER_TOKEN more."""
    pace = Pace(target)
    pace.record(4, 0, ALONE)
    pace.record(4, 20, ALONE + 20 * PER_TOKEN)
    for _ in range(5):
        pace.prompt_tokens(4, LONG, 512)
    return pace


def run_step(pace: Pace, *, held_up: float = 0.0, alone: float = ALONE, per_token: float = PER_TOKEN) -> int:
    """A step of 4 streams on a machine as described; returns its prompt tokens."""
    n_tokens = pace.prompt_tokens(4, LONG, 512)
    pace.record(4, n_tokens, alone + n_tokens * per_token + held_up)
    return n_tokens


def test_without_streams_a_prompt_may_take_the_whole_step() -> None:
    assert Pace().prompt_tokens(0, LONG, 512) == 512


def test_what_is_not_known_yet_is_tried_carefully() -> None:
    assert Pace().prompt_tokens(4, LONG, 512) == LEAST_TOKENS
    assert learned().prompt_tokens(9, LONG, 512) == learned().prompt_tokens(4, LONG, 512)
    assert learned().prompt_tokens(1, LONG, 512) == learned().prompt_tokens(4, LONG, 512)


def test_a_step_is_stretched_as_far_as_allowed_where_nothing_holds_it_up() -> None:
    for target, allowed in ((None, DEFAULT_STRETCH * ALONE), (0.05, 0.05)):
        pace = learned(target)
        sizes = [run_step(pace) for _ in range(400)]
        assert all(ALONE + n * PER_TOKEN <= allowed + 1e-9 for n in sizes)
        assert max(sizes) >= (allowed - ALONE) / PER_TOKEN - 1
    assert learned(0.05).prompt_tokens(4, LONG, 30) == 30


def test_few_steps_are_late_on_a_machine_that_holds_some_up() -> None:
    pace, n_late, sizes = learned(), 0, list[int]()
    for number in range(2000):
        held_up = 0.006 if number % 10 == 0 else 0.0
        n_tokens = run_step(pace, held_up=held_up)
        sizes.append(n_tokens)
        if number >= 400:
            n_late += ALONE + n_tokens * PER_TOKEN + held_up > DEFAULT_STRETCH * ALONE
    assert n_late <= 1.3 * LATE_SHARE * 1600
    assert sum(sizes[400:]) / 1600 >= 11  # of 19 that fit, less 6 for what holds steps up


def test_one_step_that_was_held_up_or_too_fast_changes_no_cost() -> None:
    for held_up in (0.010, -0.010):
        pace = learned(0.05)
        for _ in range(3):
            before = run_step(pace)
        run_step(pace, held_up=held_up)
        for _ in range(3):
            assert abs(run_step(pace) - before) <= 1


def test_a_first_step_alone_that_was_held_up_does_not_let_everything_in() -> None:
    pace = Pace()
    pace.record(4, 0, 1.5 * ALONE)
    assert max(run_step(pace) for _ in range(50)) <= (1.5 * DEFAULT_STRETCH - 1) * ALONE / PER_TOKEN


def test_a_step_takes_at_most_twice_as_many_as_the_last() -> None:
    pace = learned()
    before = pace.prompt_tokens(4, [5000], 512)
    for _ in range(20):
        pace.record(4, before, ALONE + before * PER_TOKEN / 10)
    assert pace.prompt_tokens(4, [5000], 512) == 2 * before


def test_steps_that_had_little_to_do_say_nothing_of_late_ones() -> None:
    few, none = learned(), learned()
    for _ in range(PROBE_EVERY - 4):
        few.record(4, 6, ALONE + 6 * PER_TOKEN)
    assert few.prompt_tokens(4, LONG, 512) == none.prompt_tokens(4, LONG, 512)


def test_what_became_slower_is_learned_within_some_steps() -> None:
    pace = learned(0.05)
    for _ in range(30):
        run_step(pace, per_token=4 * PER_TOKEN)
    assert run_step(pace, per_token=4 * PER_TOKEN) <= 10


def test_streams_are_timed_alone_now_and_then() -> None:
    pace = learned()
    assert [run_step(pace) for _ in range(2 * PROBE_EVERY)].count(0) == 2
    pace.record(4, 0, ALONE)
    assert 0 not in [run_step(pace) for _ in range(PROBE_EVERY - 1)]
    for _ in range(20 * PROBE_EVERY):
        run_step(pace, alone=2 * ALONE)
    assert max(run_step(pace, alone=2 * ALONE) for _ in range(2)) * PER_TOKEN > DEFAULT_STRETCH * ALONE


def test_prompts_that_end_with_it_may_stretch_a_step_further_unless_a_target_is_set() -> None:
    burst, usual = round(BURST_SECONDS / PER_TOKEN), learned().prompt_tokens(4, LONG, 512)
    assert learned().prompt_tokens(4, [600, 70, 60], 512) == 130
    assert learned().prompt_tokens(4, [burst - 9, 600, 10], 512) == usual
    assert learned().prompt_tokens(4, [burst], 512) == burst
    assert learned().prompt_tokens(4, [burst], 100) == 100
    assert learned(0.05).prompt_tokens(4, [70, 60], 512) == learned(0.05).prompt_tokens(4, LONG, 512)


def test_steps_that_were_meant_to_be_long_are_not_held_against_the_others() -> None:
    pace = learned()
    before = pace.prompt_tokens(4, LONG, 512)
    for _ in range(PROBE_EVERY - 4):
        n_tokens = pace.prompt_tokens(4, [120], 512)
        pace.record(4, n_tokens, ALONE + n_tokens * PER_TOKEN)
    assert pace.prompt_tokens(4, LONG, 512) == before


def test_a_prompt_advances_however_little_time_there_is() -> None:
    assert learned(0.001).prompt_tokens(4, LONG, 512) == LEAST_TOKENS
