"""How fast is this machine at best? Read bandwidth, float32 multiply-adds and quantised products, per thread count.

usage: python benchmarks/limits.py [--threads N] [--seconds S]

Every speed of a kernel is a share of one of these, measured in the same session.
"""

from __future__ import annotations

import argparse

import harness

from llmagentos._core import runtime
from llmagentos.bench import limits

REPEATS = 5
NAMES = {
    "fma": "float32 multiply-adds, GFLOP/s",
    "dot": "4-bit x 8-bit products, Gop/s",
    "read": "memory read, GB/s",
}


def measure(threads: int, seconds: float) -> dict[str, dict[str, float]]:
    """Median and best of each limit, in 10^9 units per second."""
    medians, best = limits.measure(runtime.ThreadPool(threads), seconds, REPEATS)
    return {
        name: {"median": getattr(medians, field) / 1e9, "best": getattr(best, field) / 1e9}
        for field, name in NAMES.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    machine = runtime.machine()
    parser.add_argument("--threads", type=int, default=machine["usable_cpus"])
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one measurement")
    arguments = parser.parse_args()
    measured = {threads: measure(threads, arguments.seconds) for threads in sorted({1, arguments.threads})}
    print(f"{machine['cpu']}, {machine['isa']}")
    for threads, found in measured.items():
        for name, value in found.items():
            print(f"{threads:3d} threads  {name:32s} median {value['median']:8.1f}  best {value['best']:8.1f}")
    print(f"appended to {harness.record('limits', {'limits': measured})}")


if __name__ == "__main__":
    main()
