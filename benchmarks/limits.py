"""How fast is this machine at best? Read bandwidth, float32 multiply-adds and quantised products, per thread count.

usage: python benchmarks/limits.py [--threads N] [--seconds S]

Every speed of a kernel is a share of one of these, measured in the same session.
"""

from __future__ import annotations

import argparse
import statistics

import harness

from llmagentos._core import kernels, runtime

REPEATS = 5
READ_BYTES = 256 << 20  # well beyond the caches that one virtual machine gets


def measure(threads: int, seconds: float) -> dict[str, dict[str, float]]:
    """Median and best of each limit, in units per second."""
    pool = runtime.ThreadPool(threads)
    probes = {
        "float32 multiply-adds, GFLOP/s": lambda: kernels.measure_fma(pool, seconds) / 1e9,
        "4-bit x 8-bit products, Gop/s": lambda: kernels.measure_dot(pool, seconds) / 1e9,
        "memory read, GB/s": lambda: kernels.measure_read(pool, seconds, READ_BYTES) / 1e9,
    }
    result = {}
    for name, probe in probes.items():
        probe()
        values = [probe() for _ in range(REPEATS)]
        result[name] = {"median": statistics.median(values), "best": max(values)}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    machine = runtime.machine()
    parser.add_argument("--threads", type=int, default=machine["usable_cpus"])
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one measurement")
    arguments = parser.parse_args()
    limits = {threads: measure(threads, arguments.seconds) for threads in sorted({1, arguments.threads})}
    print(f"{machine['cpu']}, {machine['isa']}")
    for threads, measured in limits.items():
        for name, value in measured.items():
            print(f"{threads:3d} threads  {name:32s} median {value['median']:8.1f}  best {value['best']:8.1f}")
    print(f"appended to {harness.record('limits', {'limits': limits})}")


if __name__ == "__main__":
    main()
