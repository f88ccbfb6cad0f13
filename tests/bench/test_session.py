from __future__ import annotations

from typing import Any

import pytest

from llmagentos.bench import session
from llmagentos.bench.alternate import Run
from llmagentos.bench.limits import Limits
from llmagentos.bench.metrics import Metric
from llmagentos.bench.progress import Progress
from llmagentos.bench.session import Session, run_session
from llmagentos.bench.sides import OURS, Setting
from llmagentos.errors import InvalidRequestError
from llmagentos.models import open_checkpoint
from tests.models.tiny_models import TINY

DECODE, MEMORY = Metric("decode", 0), Metric("memory", 100)
PEER, OTHER = "llama.cpp, flash attention on", "llama.cpp, flash attention off"
GOOD, BAD = (1e30, 1e30), (1.0, 1.0)  # beside what the host really reaches


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A session whose runs are made up: (side, metric, value, probes)."""
    rates = iter([Limits(1e9, 2e12, 1e12), Limits(2e9, 1e12, 1e12)])
    monkeypatch.setattr(session.machine_limits, "measure", lambda *_: [next(rates)] * 2)

    def measure(*runs: tuple[str, Metric, float, tuple[float, float]], peer: str | None = None) -> Session:
        def alternate(sides: Any, metrics: Any, rounds: int, host: Any, progress: Any) -> list[Run]:
            host.best = 1e30
            made = []
            for side, metric, value, probes in runs:
                number = sum(run.side == side and run.metric == metric for run in made)
                made.append(Run(side, metric, number, value, probes))
            return made

        monkeypatch.setattr(session, "alternate", alternate)
        checkpoint = open_checkpoint(TINY / "llama_q4_0.gguf")
        metrics = list(dict.fromkeys(run[1] for run in runs)) or [Metric("prefill", 9000)]
        setting = Setting(checkpoint.path, 1, [0], new_tokens=4)
        return run_session(checkpoint, setting, metrics, 3, Progress(), peer)

    return measure


def test_the_median_of_the_undisturbed_runs_counts(measure: Any) -> None:
    values = [(5, GOOD), (100, BAD), (7, GOOD), (6, GOOD)]
    found = measure(*((OURS, DECODE, value, probes) for value, probes in values))
    (row,) = found.rows
    assert row.value == 6
    assert row.share == 6 / row.limit
    assert (len(found.runs), len(found.good), found.notes) == (4, 3, [])


def test_where_all_were_disturbed_all_count_and_a_note_says_so(measure: Any) -> None:
    found = measure((OURS, DECODE, 5, BAD), (OURS, DECODE, 7, BAD), (OURS, MEMORY, 1, GOOD))
    assert [row.value for row in found.rows] == [6, 1]
    assert found.notes == ["others on this machine disturbed every run, so all count: decode"]


def test_a_comparison_needs_a_round_in_which_both_were_undisturbed(measure: Any) -> None:
    runs = [(OURS, DECODE, 8, GOOD), (PEER, DECODE, 2, BAD), (OURS, DECODE, 9, BAD), (PEER, DECODE, 3, GOOD)]
    runs += [(OTHER, DECODE, 1, GOOD), (OTHER, DECODE, 1, GOOD)]
    found = measure(*runs, peer="python")
    assert found.rows[0].comparison.ratios == (4, 3)
    assert found.notes == ["others on this machine disturbed every run, so all count: decode"]


def test_the_better_of_the_limits_before_and_after_counts(measure: Any) -> None:
    assert measure((OURS, DECODE, 5, GOOD)).limits == Limits(2e9, 2e12, 1e12)


def test_a_model_too_short_for_every_metric_is_an_error(measure: Any) -> None:
    with pytest.raises(
        InvalidRequestError, match="prefill 9000 is left out: it takes 9002 tokens, the model holds 512"
    ):
        measure()
