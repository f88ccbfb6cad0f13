"""What the comparisons share: their options, the table, and where results are kept. Timing is llmagentos.bench's."""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmagentos.bench import sides
from llmagentos.bench.alternate import Side, alternate
from llmagentos.bench.compare import Comparison, compare, good_runs
from llmagentos.bench.host import Host, machine
from llmagentos.bench.metrics import parse, split_by_context
from llmagentos.bench.pinning import cpus_for
from llmagentos.bench.progress import Progress
from llmagentos.models import open_checkpoint

RESULTS = Path(__file__).parent / "results"
REPEATS = 3  # within each process


def parser(description: str | None, metrics: list[str]) -> argparse.ArgumentParser:
    """The options of every comparison."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("model", type=Path)
    result.add_argument("--rounds", type=int, default=5)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument("--metrics", nargs="+", metavar="METRIC", default=metrics, help=", ".join(metrics))
    return result


def engine_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of the programs that measure this package's engine alone."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("model", nargs="?", default="smollm2-135m-instruct")
    result.add_argument("--rounds", type=int, default=3)
    result.add_argument("--threads", type=int, default=2)
    return result


def setting(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> sides.Setting:
    """What all sides are given alike; ends the program where there are fewer CPUs than threads."""
    cpus = cpus_for(arguments.threads)
    if cpus is None:
        parser.error(f"this process may use fewer than {arguments.threads} CPUs")
    return sides.Setting(arguments.model, arguments.threads, cpus, repeats=REPEATS)


def compare_with(
    question: str, peer: str, peers: Sequence[Side], setting: sides.Setting, arguments: argparse.Namespace
) -> None:
    """Run this package and the peers in turn, print the table of good rounds, and keep the result.

    Raises:
        LLMAgentOSError: a side or the model failed, or there is no such metric.
    """
    checkpoint = open_checkpoint(setting.model)
    wanted = [parse(name) for name in arguments.metrics]
    metrics, too_long = split_by_context(wanted, setting.new_tokens, checkpoint.context_length)
    for metric in too_long:
        print(f"{metric.name} is left out: the model holds {checkpoint.context_length} tokens", file=sys.stderr)
    ours = sides.ours(setting, checkpoint.vocab_size)
    host = Host(setting.threads)
    runs = alternate([ours, *peers], metrics, arguments.rounds, host, Progress(), warm_ups=1)
    good = good_runs(runs, host)
    comparisons = compare(runs, good, ours.name, [side.name for side in peers])
    print(f"{setting.model.name}, {machine()['cpu']}, {setting.threads} threads, {peer}; medians of good runs")
    print_table(comparisons)
    missing = {metric.name for metric in metrics} - {row.metric.name for row in comparisons}
    if missing:
        print(
            f"no round with both sides in the good state: {', '.join(sorted(missing))}; run again or with more --rounds"
        )
    probes = [rate for run in runs for rate in run.probes]
    result = {
        "model": setting.model.name,
        "threads": setting.threads,
        "peer": peer,
        "probe_gflops": {"best": host.best / 1e9, "median": statistics.median(probes) / 1e9},
        "comparisons": [{**asdict(row), "metric": row.metric.name, "ratio": row.ratio} for row in comparisons],
        "runs": [{**asdict(run), "metric": run.metric.name, "good": host.is_good(run.probes)} for run in runs],
    }
    print(f"appended to {record(question, result)}")


def print_table(comparisons: list[Comparison]) -> None:
    print(f"{'':22s}{'ours':>9s}{'theirs':>9s} {'unit':9s}{'ratio':>6s}  {'spread':12s}{'good runs':>9s}  peer")
    for row in comparisons:
        spread = f"{min(row.ratios):.2f}..{max(row.ratios):.2f}"
        digits = 1 if row.theirs >= 10 else 3
        print(
            f"{row.metric.name:22s}{row.ours:9.{digits}f}{row.theirs:9.{digits}f} {row.metric.unit:9s}"
            f"{row.ratio:6.2f}  {spread:12s}{row.n_good:4d}/{row.n_runs:<4d}  {row.peer}"
        )


def record(question: str, result: Mapping[str, Any]) -> Path:
    """Appends a line of JSON to the file of this question and machine, and returns its path."""
    slug = "".join(c if c.isalnum() else "-" for c in machine()["cpu"].lower())
    slug = "-".join(part for part in slug.split("-") if part)
    path = RESULTS / f"{question}-{slug}.jsonl"
    path.parent.mkdir(exist_ok=True)
    when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with path.open("a") as file:
        file.write(json.dumps({"time": when, "machine": machine(), **result}) + "\n")
    return path
