"""A whole session: limits, runs of every metric on every side, limits again, and what follows from them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from llmagentos.bench import limits as machine_limits
from llmagentos.bench import sides
from llmagentos.bench.alternate import Run, alternate
from llmagentos.bench.compare import Comparison, compare, good_runs
from llmagentos.bench.host import Host
from llmagentos.bench.limits import Limits
from llmagentos.bench.metrics import Metric, split_by_context
from llmagentos.bench.progress import Progress
from llmagentos.bench.sides import OURS, Setting
from llmagentos.bench.work import cost_of, most_tokens_per_second
from llmagentos.errors import InvalidRequestError
from llmagentos.formats import Checkpoint

LIMIT_SECONDS, LIMIT_REPEATS = 0.1, 3


@dataclass(frozen=True)
class Row:
    """What was found for one metric.

    Attributes:
        value: the median of our runs that count.
        limit: the most this machine could do, in tokens per second; None for what is no speed.
        bound: which limit that is: "read" (memory) or "compute".
        comparison: with the peer's best setting; None without a peer.
    """

    metric: Metric
    value: float
    limit: float | None
    bound: str | None
    comparison: Comparison | None

    @property
    def share(self) -> float | None:
        """Of the limit."""
        return None if self.limit is None else self.value / self.limit


@dataclass(frozen=True)
class Session:
    """All of it.

    Attributes:
        limits: the best of those measured before and after the runs.
        good: the runs in the host's good state.
        notes: what a reader must know: metrics left out, disturbed runs, threads that were not pinned.
    """

    rows: list[Row]
    limits: Limits
    runs: list[Run]
    good: list[Run]
    notes: list[str]


def run_session(
    checkpoint: Checkpoint,
    setting: Setting,
    metrics: Sequence[Metric],
    rounds: int,
    progress: Progress,
    peer_python: str | None = None,
) -> Session:
    """Measures, `rounds` times each, in alternation where there is a peer.

    Raises:
        InvalidRequestError: no metric fits the model's context.
        LLMAgentOSError: a side failed.
    """
    cost = cost_of(checkpoint)
    fitting, too_long = split_by_context(list(metrics), setting.new_tokens, checkpoint.context_length)
    length = checkpoint.context_length
    notes = [f"{m.name} is left out: it takes {n} tokens, the model holds {length}" for m, n in too_long.items()]
    if not fitting:
        raise InvalidRequestError("; ".join(notes) or "there is nothing to measure")
    if setting.cpus is None:
        notes.append(f"threads are not pinned: this process may use fewer than {setting.threads} CPUs")

    ours = sides.ours(setting, checkpoint.vocab_size)
    peers = [] if peer_python is None else sides.llamacpp(peer_python, setting)
    progress.started("measuring the machine's limits")
    host = Host(setting.threads)
    before = machine_limits.measure(host.pool, LIMIT_SECONDS, LIMIT_REPEATS)[1]
    runs = alternate([ours, *peers], fitting, rounds, host, progress)
    limits = before.best(machine_limits.measure(host.pool, LIMIT_SECONDS, LIMIT_REPEATS)[1])

    good = good_runs(runs, host)
    rows, disturbed = [], []
    for metric in fitting:
        of_metric = [run for run in runs if run.metric == metric]
        used = [run for run in good if run.metric == metric]
        names = [peer.name for peer in peers]
        found = compare(of_metric, used, OURS, names)
        if not (found or (not peers and used)):
            used = of_metric
            found = compare(of_metric, used, OURS, names)
            disturbed.append(metric.name)
        value = statistics.median(run.value for run in used if run.side == OURS)
        limit, bound = most_tokens_per_second(metric, cost, limits, setting.new_tokens) or (None, None)
        rows.append(Row(metric, value, limit, bound, found[0] if found else None))
    if disturbed:
        notes.append(f"others on this machine disturbed every run, so all count: {', '.join(disturbed)}")
    return Session(rows, limits, runs, good, notes)
