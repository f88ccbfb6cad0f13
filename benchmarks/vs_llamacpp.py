"""Is it faster than llama.cpp? The same file, machine and number of pinned threads, alternating runs.

usage: python benchmarks/vs_llamacpp.py MODEL.gguf PEER_PYTHON [--rounds N] [--threads N] [--metrics "prefill 512" ...]

PEER_PYTHON is the Python of an environment of its own that has llama-cpp-python, built for this machine:
    python -m venv peer && CMAKE_ARGS="-DGGML_NATIVE=ON" peer/bin/pip install llama-cpp-python
Run this with the Python that has llmagentos. llama.cpp counts at its better of flash attention on and off. Metrics that
do not fit the model's context are left out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

import harness

from llmagentos.bench import sides
from llmagentos.bench.alternate import alternate
from llmagentos.bench.compare import Comparison, compare, good_runs
from llmagentos.bench.host import Host, machine
from llmagentos.bench.metrics import parse, split_by_context
from llmagentos.bench.pinning import cpus_for
from llmagentos.bench.progress import Progress
from llmagentos.errors import LLMAgentOSError
from llmagentos.formats import load_checkpoint

METRICS = [
    "prefill 512",
    "decode",
    "decode @1000",
    "decode @7000",
    "8 streams",
    "16 streams",
    "start to first token",
    "peak memory @1000",
]
REPEATS = 3  # within each process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("peer_python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--metrics", nargs="+", metavar="METRIC", default=METRICS, help=", ".join(METRICS))
    arguments = parser.parse_args()

    cpus = cpus_for(arguments.threads)
    if cpus is None:
        parser.error(f"this process may use fewer than {arguments.threads} CPUs")
    try:
        version = sides.llamacpp_version(arguments.peer_python)
        checkpoint = load_checkpoint(arguments.model)
        setting = sides.Setting(arguments.model, arguments.threads, cpus, repeats=REPEATS)
        wanted = [parse(name) for name in arguments.metrics]
        metrics, too_long = split_by_context(wanted, setting.new_tokens, checkpoint.context_length)
        for metric in too_long:
            print(f"{metric.name} is left out: the model holds {checkpoint.context_length} tokens", file=sys.stderr)
        ours = sides.ours(setting, checkpoint.tokenizer.n_vocab)
        peers = sides.llamacpp(arguments.peer_python, setting)
        host = Host(arguments.threads)
        runs = alternate([ours, *peers], metrics, arguments.rounds, host, Progress(), warm_ups=1)
    except LLMAgentOSError as error:
        sys.exit(str(error))
    good = good_runs(runs, host)
    comparisons = compare(runs, good, ours.name, [peer.name for peer in peers])

    print(
        f"{arguments.model.name}, {machine()['cpu']}, {arguments.threads} threads, llama-cpp-python {version}; "
        "medians of good runs"
    )
    print_table(comparisons)
    missing = {metric.name for metric in metrics} - {row.metric.name for row in comparisons}
    if missing:
        print(
            f"no round with both sides in the good state: {', '.join(sorted(missing))}; run again or with more --rounds"
        )
    probes = [rate for run in runs for rate in run.probes]
    result = {
        "model": arguments.model.name,
        "threads": arguments.threads,
        "peer": f"llama-cpp-python {version}",
        "probe_gflops": {"best": host.best / 1e9, "median": statistics.median(probes) / 1e9},
        "comparisons": [{**asdict(row), "metric": row.metric.name, "ratio": row.ratio} for row in comparisons],
        "runs": [{**asdict(run), "metric": run.metric.name, "good": host.is_good(run.probes)} for run in runs],
    }
    print(f"appended to {harness.record('vs_llamacpp', result)}")


def print_table(comparisons: list[Comparison]) -> None:
    print(f"{'':22s}{'ours':>9s}{'theirs':>9s} {'unit':9s}{'ratio':>6s}  {'spread':12s}{'good runs':>9s}  peer")
    for row in comparisons:
        spread = f"{min(row.ratios):.2f}..{max(row.ratios):.2f}"
        digits = 1 if row.theirs >= 10 else 3
        print(
            f"{row.metric.name:22s}{row.ours:9.{digits}f}{row.theirs:9.{digits}f} {row.metric.unit:9s}"
            f"{row.ratio:6.2f}  {spread:12s}{row.n_good:4d}/{row.n_runs:<4d}  {row.peer}"
        )


if __name__ == "__main__":
    main()
