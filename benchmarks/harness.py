"""Timing on machines that other people also use: alternate, probe the host, compare only what ran undisturbed.

A virtual machine's two cores are at times two physical cores and at times the two threads of one, and neighbours come
and go. So every run is bracketed by a 20 ms multiply-add probe on all threads, and filed as good when both probes
reached nearly the best rate of the session. Sides alternate run by run, each in a process of its own, and a ratio is
taken only between two good runs of the same round.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmagentos._core import kernels, runtime

RESULTS = Path(__file__).parent / "results"
GOOD = 0.85  # of the best probe of the session; sharing one physical core halves the rate
PROBE_SECONDS = 0.02


@dataclass(frozen=True)
class Side:
    """A program to compare. It is started as `command + [metric]` and prints {"value": number} as its last line."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One timed process.

    Attributes:
        value: what the side measured, in the metric's unit; higher is better.
        probes: multiply-add rates in FLOP/s before and after.
    """

    side: str
    metric: str
    round: int
    value: float
    probes: tuple[float, float]


class Host:
    """The machine's state, seen through a short probe on all threads."""

    def __init__(self, threads: int) -> None:
        self._pool = runtime.ThreadPool(threads)
        kernels.measure_fma(self._pool, 0.2)  # brings the clock up
        self.best = 0.0

    def probe(self) -> float:
        """Multiply-add rate now, in FLOP/s."""
        # The best of three: the pool's threads may wake up on one CPU and take some milliseconds to spread.
        rate = max(kernels.measure_fma(self._pool, PROBE_SECONDS) for _ in range(3))
        self.best = max(self.best, rate)
        return rate

    def is_good(self, run: Run) -> bool:
        """Whether both probes of a run came near the best of the whole session."""
        return min(run.probes) >= GOOD * self.best


def machine() -> dict[str, Any]:
    """What a result must be read with."""
    return {**runtime.machine(), "system": platform.platform(), "python": platform.python_version()}


def record(question: str, result: Mapping[str, Any]) -> Path:
    """Appends a line of JSON to the file of this question and machine, and returns its path."""
    slug = "".join(c if c.isalnum() else "-" for c in runtime.machine()["cpu"].lower())
    slug = "-".join(part for part in slug.split("-") if part)
    path = RESULTS / f"{question}-{slug}.jsonl"
    path.parent.mkdir(exist_ok=True)
    when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with path.open("a") as file:
        file.write(json.dumps({"time": when, "machine": machine(), **result}) + "\n")
    return path


def run_once(side: Side, metric: str) -> float:
    """Starts the side for one metric and returns its value. A side that fails ends the benchmark."""
    done = subprocess.run(
        [*side.command, metric],
        env={**os.environ, **side.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{side.name} failed on {metric}:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["value"])


def alternate(sides: Sequence[Side], metrics: Sequence[str], rounds: int, host: Host) -> list[Run]:
    """Runs A B A B ... for each metric: one warm-up of each side that is not counted, then `rounds` of each."""
    runs = []
    for metric in metrics:
        for number in range(-1, rounds):
            for side in sides:
                before = host.probe()
                value = run_once(side, metric)
                state = "warm-up" if number < 0 else f"round {number + 1} of {rounds}"
                print(f"{metric}, {state}: {side.name} {value:.1f}", file=sys.stderr, flush=True)
                if number >= 0:
                    runs.append(Run(side.name, metric, number, value, (before, host.probe())))
    return runs


@dataclass(frozen=True)
class Comparison:
    """One metric of two sides, from the rounds in which both ran in the good state.

    Attributes:
        ratios: ours over theirs, one per such round.
        n_runs, n_good: runs of both sides, and those in the good state.
    """

    metric: str
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


def compare(runs: Sequence[Run], host: Host, ours: str, peers: Sequence[str]) -> list[Comparison]:
    """Sets `ours` against the better of the peers' medians, per metric. Metrics without a good round are left out."""
    result = []
    for metric in dict.fromkeys(run.metric for run in runs):
        of_metric = [run for run in runs if run.metric == metric]
        good = {(run.side, run.round): run.value for run in of_metric if host.is_good(run)}
        found = []
        for peer in peers:
            rounds = [number for side, number in good if side == ours and (peer, number) in good]
            if rounds:
                mine = [good[ours, number] for number in rounds]
                others = [good[peer, number] for number in rounds]
                ratios = tuple(a / b for a, b in zip(mine, others, strict=True))
                medians = statistics.median(mine), statistics.median(others)
                n_runs = sum(run.side in (ours, peer) for run in of_metric)
                n_good = sum(side in (ours, peer) for side, _ in good)
                found.append(Comparison(metric, *medians, peer, ratios, n_runs, n_good))
        if found:
            result.append(max(found, key=lambda comparison: comparison.theirs))
    return result
