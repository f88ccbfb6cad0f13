"""Is it faster at embeddings than sentence-transformers and ONNX Runtime? The same model, threads and texts, in turns.

usage: python benchmarks/embeddings.py FOLDER PEER_PYTHON [--rounds N] [--threads N] [--texts N]

FOLDER is a sentence-transformers model with mean pooling, with model.onnx in it (benchmarks/convert_to_onnx.py).
PEER_PYTHON is the Python of an environment of its own that has sentence-transformers and onnxruntime.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

import harness

from llmagentos.bench.alternate import Side, alternate
from llmagentos.bench.compare import compare, good_runs
from llmagentos.bench.host import Host, machine
from llmagentos.bench.metrics import Metric
from llmagentos.bench.pinning import cpus_for, openmp_pinning
from llmagentos.bench.progress import Progress
from llmagentos.errors import LLMAgentOSError

PROGRAM = Path(__file__).parent / "sides" / "embeddings.py"
OURS, PEERS = "ours", ("sentence-transformers", "onnxruntime")


class Embedding(Metric):
    """Texts per second."""

    @property
    def name(self) -> str:
        return f"embed {self.n} texts"

    @property
    def unit(self) -> str:
        return "texts/s"

    @property
    def higher_is_better(self) -> bool:
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("peer_python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=int, default=256)
    arguments = parser.parse_args()
    cpus = cpus_for(arguments.threads)
    if cpus is None:
        parser.error(f"this process may use fewer than {arguments.threads} CPUs")

    def side(name: str) -> Side:
        python = sys.executable if name == OURS else arguments.peer_python
        command = [python, str(PROGRAM), name, str(arguments.folder), str(arguments.threads)]
        return Side(name, command, {} if name == OURS else openmp_pinning(cpus))

    host = Host(arguments.threads)
    sides = [side(name) for name in (OURS, *PEERS)]
    try:
        metrics: list[Metric] = [Embedding("embed", arguments.texts)]
        runs = alternate(sides, metrics, arguments.rounds, host, Progress(), warm_ups=1)
    except LLMAgentOSError as error:
        sys.exit(str(error))
    good = good_runs(runs, host)
    comparisons = [row for peer in PEERS for row in compare(runs, good, OURS, [peer])]
    print(f"{arguments.folder.name}, {machine()['cpu']}, {arguments.threads} threads; medians of good runs")
    harness.print_table(comparisons)
    probes = [rate for run in runs for rate in run.probes]
    result = {
        "model": arguments.folder.name,
        "threads": arguments.threads,
        "probe_gflops": {"best": host.best / 1e9, "median": statistics.median(probes) / 1e9},
        "comparisons": [{**asdict(row), "metric": row.metric.name, "ratio": row.ratio} for row in comparisons],
        "runs": [{**asdict(run), "metric": run.metric.name, "good": host.is_good(run.probes)} for run in runs],
    }
    print(f"appended to {harness.record('embeddings', result)}")


if __name__ == "__main__":
    main()
