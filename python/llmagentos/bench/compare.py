"""From runs to what is said of them: medians, and ratios of runs of the same round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from llmagentos.bench.alternate import Run
from llmagentos.bench.host import Host
from llmagentos.bench.metrics import Metric


@dataclass(frozen=True)
class Comparison:
    """One metric of two sides, from rounds that both ran.

    Attributes:
        ratios: one per round; above 1 where ours is better, whichever way the metric counts.
        n_runs, n_good: runs of both sides, and those in the good state.
    """

    metric: Metric
    ours: float
    theirs: float
    peer: str
    ratios: tuple[float, ...]
    n_runs: int
    n_good: int

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)


def good_runs(runs: Sequence[Run], host: Host) -> list[Run]:
    """Those in the host's good state."""
    return [run for run in runs if host.is_good(run.probes)]


def compare(runs: Sequence[Run], used: Sequence[Run], ours: str, peers: Sequence[str]) -> list[Comparison]:
    """Sets `ours` against the best of the peers' medians, per metric. Only the runs `used` count.

    Metrics are left out unless each peer that ran them has a round in which its run and ours count: the best one may be
    missing.
    """
    result = []
    for metric in dict.fromkeys(run.metric for run in runs):
        values = {(run.side, run.round): run.value for run in used if run.metric == metric}
        ran = {run.side for run in runs if run.metric == metric}
        measured = [peer for peer in peers if peer in ran]
        found = []
        for peer in measured:
            rounds = [number for side, number in values if side == ours and (peer, number) in values]
            if rounds:
                mine = [values[ours, number] for number in rounds]
                others = [values[peer, number] for number in rounds]
                pairs = zip(mine, others, strict=True)
                ratios = tuple(a / b if metric.higher_is_better else b / a for a, b in pairs)
                n_runs = sum(run.metric == metric and run.side in (ours, peer) for run in runs)
                n_good = sum(side in (ours, peer) for side, _ in values)
                medians = statistics.median(mine), statistics.median(others)
                found.append(Comparison(metric, *medians, peer, ratios, n_runs, n_good))
        if found and len(found) == len(measured):
            best = max if metric.higher_is_better else min
            result.append(best(found, key=lambda comparison: comparison.theirs))
    return result
