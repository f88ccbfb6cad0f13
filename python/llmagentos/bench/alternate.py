"""Runs of several sides in turn, each in a process of its own, each bracketed by probes of the host."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmagentos.bench.host import Host
from llmagentos.bench.metrics import Metric
from llmagentos.bench.progress import Progress
from llmagentos.errors import LLMAgentOSError

STARTED = "BENCH_STARTED"  # environment variable of a side: time.monotonic() when it was started


@dataclass(frozen=True)
class Side:
    """A program to measure. It is started as `command + [KIND, N]` and prints {"value": number} as its last line.

    Attributes:
        only_kind: the one kind of metric that it is measured on; None: all.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    only_kind: str | None = None

    def takes(self, metric: Metric) -> bool:
        """Whether it is measured on this metric."""
        return self.only_kind in (None, metric.kind)


@dataclass(frozen=True)
class Run:
    """One timed process.

    Attributes:
        value: what the side measured, in the metric's unit.
        probes: multiply-add rates in FLOP/s before and after.
    """

    side: str
    metric: Metric
    round: int
    value: float
    probes: tuple[float, float]


def run_once(side: Side, metric: Metric) -> float:
    """Starts the side for one metric and returns its value.

    Raises:
        LLMAgentOSError: the side failed; has the end of what it wrote on standard error.
    """
    # Without the safe path, a folder named like this package in the working folder would be imported in its place.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", **side.environment, STARTED: repr(time.monotonic())}
    done = subprocess.run(
        [*side.command, metric.kind, str(metric.n)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip()[-2000:] or f"it ended with status {done.returncode}"
        raise LLMAgentOSError(f"{side.name} failed on {metric.name}: {said}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["value"])


def alternate(
    sides: Sequence[Side],
    metrics: Sequence[Metric],
    rounds: int,
    host: Host,
    progress: Progress,
    warm_ups: int = 0,
) -> list[Run]:
    """Runs A B A B ... for each metric: `warm_ups` of each side that are not counted, then `rounds` of each."""
    runs = []
    total = (warm_ups + rounds) * sum(side.takes(metric) for side in sides for metric in metrics)
    started = 0
    for metric in metrics:
        taking_part = [side for side in sides if side.takes(metric)]
        for number in range(-warm_ups, rounds):
            state = "warm-up" if number < 0 else f"round {number + 1} of {rounds}"
            for side in taking_part:
                started += 1
                what = f"[{started}/{total}] {metric.name}, {state}: {side.name}"
                before = host.probe()
                progress.started(what)
                value = run_once(side, metric)
                progress.ended(f"{what} {value:.4g} {metric.unit}")
                if number >= 0:
                    runs.append(Run(side.name, metric, number, value, (before, host.probe())))
    progress.close()
    return runs
