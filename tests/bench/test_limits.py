from __future__ import annotations

from llmagentos._core.runtime import ThreadPool
from llmagentos.bench.limits import Limits, measure


def test_each_limit_is_a_rate_and_the_best_is_no_less_than_the_median() -> None:
    medians, best = measure(ThreadPool(1), 0.002, 3)
    assert 0 < medians.read <= best.read
    assert 0 < medians.dot <= best.dot
    assert 0 < medians.fma <= best.fma


def test_the_best_of_two_is_taken_limit_by_limit() -> None:
    assert Limits(1, 5, 3).best(Limits(2, 4, 3)) == Limits(2, 5, 3)
