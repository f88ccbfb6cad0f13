"""One timed metric of this package, through its public API. usage: ours.py MODEL THREADS METRIC"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

from llmagentos import LLM, SamplingParams

REPEATS = 3
NEW_TOKENS = 128


def tasks() -> set[int]:
    return {int(task.name) for task in Path("/proc/self/task").iterdir()}


def pin_threads(cpus: list[int], workers: set[int]) -> None:
    """Gives the caller the first CPU and each worker of the pool one of the others. Threads of libraries stay free."""
    for thread, cpu in zip([os.getpid(), *sorted(workers)], cpus, strict=True):
        os.sched_setaffinity(thread, {cpu})


class Bench:
    """Prompts are fresh token ids every time, so that nothing is answered from a cache."""

    def __init__(self, model: str, threads: int) -> None:
        before = tasks()
        self.llm = LLM(model, threads=threads)
        pin_threads(sorted(os.sched_getaffinity(0))[:threads], tasks() - before)
        self._prompts = 0
        self.generate([self.prompt(64)], 8)

    def prompt(self, n: int) -> list[int]:
        self._prompts += 1
        return [(7 * i + 131 * self._prompts) % 40000 + 100 for i in range(n)]

    def params(self, n: int) -> SamplingParams:
        return SamplingParams(temperature=0, max_tokens=n, ignore_eos=True)

    def generate(self, prompts: list[list[int]], n: int) -> float:
        start = time.perf_counter()
        self.llm.generate(prompts, self.params(n))
        return time.perf_counter() - start

    def prefill(self, n: int) -> float:
        return n / self.generate([self.prompt(n)], 1)

    def decode(self, context: int) -> float:
        """From the first token to the last, so that the prompt stays out of it."""
        stamps = [time.perf_counter() for _ in self.llm.stream(self.prompt(context), self.params(NEW_TOKENS + 1))]
        return (len(stamps) - 1) / (stamps[-1] - stamps[0])

    def streams(self, n: int) -> float:
        """The short prompts' prefill is counted too."""
        return n * NEW_TOKENS / self.generate([self.prompt(16) for _ in range(n)], NEW_TOKENS)


def main() -> None:
    model, threads, metric = sys.argv[1:]
    bench = Bench(model, int(threads))
    measure = {
        "prefill 512": lambda: bench.prefill(512),
        "decode": lambda: bench.decode(4),
        "decode @1000": lambda: bench.decode(1000),
        "8 streams": lambda: bench.streams(8),
        "16 streams": lambda: bench.streams(16),
    }[metric]
    print(json.dumps({"value": statistics.median(measure() for _ in range(REPEATS))}))


if __name__ == "__main__":
    main()
