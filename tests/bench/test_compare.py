from __future__ import annotations

import pytest

from llmagentos.bench.alternate import Run
from llmagentos.bench.compare import compare, good_runs
from llmagentos.bench.host import GOOD, Host
from llmagentos.bench.metrics import Metric

DECODE, START = Metric("decode", 0), Metric("start", 32)


def runs_of(metric: Metric, **values: list[float]) -> list[Run]:
    return [
        Run(side, metric, i, value, (1.0, 1.0)) for side, all_of in values.items() for i, value in enumerate(all_of)
    ]


def test_speeds_are_compared_with_the_faster_peer_round_by_round() -> None:
    runs = runs_of(DECODE, ours=[10, 30, 20], on=[5, 10, 20], off=[1, 1, 1])
    (found,) = compare(runs, runs, "ours", ["on", "off"])
    assert (found.peer, found.ours, found.theirs) == ("on", 20, 10)
    assert found.ratios == (2, 3, 1)
    assert found.ratio == 2
    assert (found.n_runs, found.n_good) == (6, 6)


def test_times_are_compared_with_the_shorter_and_turned_so_that_more_is_better() -> None:
    runs = runs_of(START, ours=[0.5, 0.5], on=[2.0, 2.0], off=[1.0, 0.25])
    (found,) = compare(runs, runs, "ours", ["on", "off"])
    assert found.peer == "off"
    assert found.ratios == (2, 0.5)


def test_only_rounds_with_both_sides_count_and_a_metric_without_one_is_left_out() -> None:
    runs = [*runs_of(DECODE, ours=[10, 20], peer=[10, 10]), *runs_of(START, ours=[1], peer=[1])]
    used = [run for run in runs if (run.side, run.round) != ("peer", 0)]
    (found,) = compare(runs, used, "ours", ["peer"])
    assert found.ratios == (2,)
    assert (found.n_runs, found.n_good) == (4, 3)


def test_no_ratio_is_formed_while_one_peer_may_be_the_better_and_has_no_run_that_counts() -> None:
    runs = runs_of(DECODE, ours=[10], on=[5], off=[1])
    assert compare(runs, [run for run in runs if run.side != "on"], "ours", ["on", "off"]) == []


def test_a_peer_that_sits_a_metric_out_is_not_waited_for() -> None:
    runs = [*runs_of(DECODE, ours=[10], on=[5]), *runs_of(Metric("streams", 8), ours=[10], on=[5], unified=[8])]
    assert [found.peer for found in compare(runs, runs, "ours", ["on", "unified"])] == ["on", "unified"]


def test_a_run_is_good_when_both_of_its_probes_are_near_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(1)
    host.best = 100.0
    near, far = GOOD * 100, GOOD * 100 - 1
    probes = [(near, near), (100.0, far), (far, 100.0)]
    runs = [Run("ours", DECODE, i, 1.0, pair) for i, pair in enumerate(probes)]
    assert good_runs(runs, host) == runs[:1]


def test_the_best_probe_is_remembered() -> None:
    host = Host(1)
    rates = [host.probe() for _ in range(2)]
    assert host.best == max(rates) > 0
