"""Is it faster than llama.cpp? The same file, machine and number of pinned threads, alternating runs.

usage: python benchmarks/vs_llamacpp.py MODEL.gguf PEER_PYTHON [--rounds N] [--threads N] [--metrics "prefill 512" ...]

PEER_PYTHON is the Python of an environment of its own that has llama-cpp-python, built for this machine:
    python -m venv peer && CMAKE_ARGS="-DGGML_NATIVE=ON" peer/bin/pip install llama-cpp-python
Run this with the Python that has llmagentos. llama.cpp counts at its better of flash attention on and off.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

import harness

METRICS = ["prefill 512", "decode", "decode @1000", "8 streams", "16 streams"]  # all in tokens per second
SIDES = Path(__file__).parent / "sides"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("peer_python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=METRICS)
    arguments = parser.parse_args()

    cpus = sorted(os.sched_getaffinity(0))[: arguments.threads]
    if len(cpus) < arguments.threads:
        parser.error(f"{arguments.threads} threads asked for, and this process may use {len(cpus)} CPUs")
    pinned = {"OMP_PROC_BIND": "true", "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in cpus)}
    file, threads = str(arguments.model), str(arguments.threads)
    ours = harness.Side("llmagentos", [sys.executable, str(SIDES / "ours.py"), file, threads])
    peers = [
        harness.Side(
            f"llama.cpp, flash attention {setting}",
            [arguments.peer_python, str(SIDES / "llamacpp.py"), file, threads, setting],
            pinned,
        )
        for setting in ("on", "off")
    ]
    host = harness.Host(arguments.threads)
    runs = harness.alternate([ours, *peers], arguments.metrics, arguments.rounds, host)
    comparisons = harness.compare(runs, host, ours.name, [peer.name for peer in peers])

    print(
        f"{arguments.model.name}, {harness.machine()['cpu']}, {threads} threads; "
        "tokens per second, medians of good runs"
    )
    print(f"{'':14s}{'ours':>9s}{'theirs':>9s}{'ratio':>7s}  {'spread':12s}{'good runs':>9s}  peer")
    for row in comparisons:
        spread = f"{min(row.ratios):.2f}..{max(row.ratios):.2f}"
        print(
            f"{row.metric:14s}{row.ours:9.1f}{row.theirs:9.1f}{row.ratio:7.2f}  {spread:12s}"
            f"{row.n_good:4d}/{row.n_runs:<4d}  {row.peer}"
        )
    missing = set(arguments.metrics) - {row.metric for row in comparisons}
    if missing:
        print(
            f"no round with both sides in the good state: {', '.join(sorted(missing))}; run again or with more --rounds"
        )
    probes = [rate for run in runs for rate in run.probes]
    result = {
        "model": arguments.model.name,
        "threads": arguments.threads,
        "probe_gflops": {"best": host.best / 1e9, "median": statistics.median(probes) / 1e9},
        "comparisons": [{**asdict(row), "ratio": row.ratio} for row in comparisons],
        "runs": [{**asdict(run), "good": host.is_good(run)} for run in runs],
    }
    print(f"appended to {harness.record('vs_llamacpp', result)}")


if __name__ == "__main__":
    main()
