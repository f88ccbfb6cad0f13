from __future__ import annotations

import pytest

from llmagentos.engine.step_times import StepTimes


def learned(ratio: float, n: int = 200) -> StepTimes:
    """Of a machine on which a step takes 10 ms, and one with two drafts `ratio` times as long."""
    times = StepTimes()
    for _ in range(n):
        times.record(1, 0, 0.010)
        times.record(1, 2, 0.010 * ratio)
    return times


def test_what_drafts_cost_is_learned() -> None:
    for ratio in (1.05, 1.9, 3.5):
        assert learned(ratio).ratio(1, 2) == pytest.approx(ratio, rel=0.1)
    assert learned(1.5).alone(1) == pytest.approx(0.010, rel=0.05)


def test_at_first_more_drafts_cost_more_and_few_cost_little() -> None:
    times = StepTimes()
    ratios = [times.ratio(1, n) for n in range(16)]
    assert ratios == sorted(ratios)
    assert ratios[0] == 1.0
    assert ratios[3] < 1.5 < 3.0 < ratios[15]
    assert times.ratio(8, 1) > times.ratio(1, 1)
    assert times.alone(1) is None


def test_much_the_same_numbers_are_learned_about_together() -> None:
    first, times = StepTimes(), StepTimes()
    for _ in range(100):
        times.record(1, 0, 0.010)
        times.record(1, 9, 0.020)
    assert times.ratio(1, 9) == pytest.approx(2.0, rel=0.1)
    assert times.ratio(1, 8) / times.ratio(1, 9) == pytest.approx(first.ratio(1, 8) / first.ratio(1, 9))
    assert times.ratio(1, 7) == first.ratio(1, 7)
    assert times.ratio(1, 12) == first.ratio(1, 12)


def test_a_machine_that_slows_down_makes_drafts_no_dearer() -> None:
    times = learned(1.5)
    for _ in range(20):
        times.record(1, 2, 0.030)
    assert times.ratio(1, 2) < 1.5 * 1.3
    assert times.alone(1) == pytest.approx(0.020, rel=0.2)


def test_one_step_that_was_held_up_changes_little() -> None:
    times = learned(1.5)
    times.record(1, 2, 5.0)
    assert times.ratio(1, 2) < 1.5 * 1.1


def test_what_is_not_tried_any_more_is_forgotten() -> None:
    times = learned(6.0)
    for _ in range(3000):
        times.record(1, 0, 0.010)
    assert times.ratio(1, 2) == pytest.approx(StepTimes().ratio(1, 2), rel=0.05)


def test_numbers_of_streams_are_told_apart() -> None:
    times = learned(3.0)
    assert times.ratio(2, 2) == StepTimes().ratio(2, 2)
    assert times.alone(2) is None
