"""One timed metric of this package, through its public API.

usage: python -m llmagentos.bench.ours MODEL THREADS KIND N --vocab V [--cpus 0,1] [--new-tokens N] [--repeats N]

KIND and N are those of metrics.py. Prints {"value": number}, the median of the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from llmagentos import LLM, LLMAgentOSError, SamplingParams
from llmagentos.bench.alternate import STARTED
from llmagentos.bench.metrics import Metric
from llmagentos.bench.pinning import pin_threads

WARM_SECONDS, WARM_ROUNDS = 1.0, 50  # what comes first; the peer's are the same


class Bench:
    """A loaded model. Prompts are fresh token ids every time, so that nothing is answered from a cache."""

    def __init__(self, llm: LLM, vocab_size: int, new_tokens: int) -> None:
        self.llm = llm
        self.new_tokens = new_tokens
        self._first_id = min(100, vocab_size // 2)  # below lie special tokens
        self._n_ids = min(40000, vocab_size - self._first_id)
        self._prompts = 0

    def prompt(self, n: int) -> list[int]:
        self._prompts += 1
        return [(7 * i + 131 * self._prompts) % self._n_ids + self._first_id for i in range(n)]

    def generate(self, prompts: list[list[int]], n: int) -> float:
        """Seconds for n tokens of each."""
        start = time.perf_counter()
        self.llm.generate(prompts, _params(n))
        return time.perf_counter() - start

    def measure(self, metric: Metric) -> float:
        """One measurement of a speed, or of the time to the first token."""
        n_prompt = metric.prompt_tokens()
        if metric.kind == "prefill":
            return n_prompt / self.generate([self.prompt(n_prompt)], 1)
        if metric.kind == "streams":
            # The short prompts' prefill is counted too.
            prompts = [self.prompt(n_prompt) for _ in range(metric.n)]
            return metric.n * self.new_tokens / self.generate(prompts, self.new_tokens)
        if metric.kind == "decode":
            # From the first token to the last, so that the prompt stays out of it.
            stream = self.llm.stream(self.prompt(n_prompt), _params(self.new_tokens + 1))
            stamps = [time.perf_counter() for _ in stream]
            return (len(stamps) - 1) / (stamps[-1] - stamps[0])
        return self.generate([self.prompt(n_prompt)], 1)


def measure_fresh(metric: Metric, arguments: argparse.Namespace) -> float:
    """What only a new process can tell: seconds to the first token, or megabytes (of 10^6 bytes)."""
    if arguments.cpus is not None:
        os.sched_setaffinity(0, arguments.cpus)
    bench = Bench(
        LLM(arguments.model, threads=arguments.threads, speculation="off"), arguments.vocab, arguments.new_tokens
    )
    to_first_token = bench.measure(metric)
    if metric.kind == "start":
        return time.monotonic() - float(os.environ[STARTED])
    return to_first_token if metric.kind == "first" else peak_memory()


def measure_warm(metric: Metric, arguments: argparse.Namespace) -> float:
    """A speed, on pinned threads, of a model that has run for a second: until then its memory is put in order."""
    llm = LLM(arguments.model, threads=arguments.threads, speculation="off")
    if arguments.cpus is not None:
        pin_threads(arguments.cpus)
    bench = Bench(llm, arguments.vocab, arguments.new_tokens)
    began = time.perf_counter()
    for _ in range(WARM_ROUNDS):
        bench.generate([bench.prompt(min(64, metric.context(0)))], 2)
        if time.perf_counter() - began >= WARM_SECONDS:
            break
    return statistics.median(bench.measure(metric) for _ in range(arguments.repeats))


def peak_memory() -> float:
    """This process's largest resident size so far, in megabytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def _params(n: int) -> SamplingParams:
    return SamplingParams(temperature=0, max_tokens=n, ignore_eos=True)


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("threads", type=int)
    parser.add_argument("kind")
    parser.add_argument("n", type=int)
    parser.add_argument("--vocab", type=int, required=True)
    parser.add_argument("--cpus", type=lambda text: [int(cpu) for cpu in text.split(",")])
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    metric = Metric(arguments.kind, arguments.n)
    is_fresh = metric.kind in ("first", "start", "memory")
    try:
        value = (measure_fresh if is_fresh else measure_warm)(metric, arguments)
    except LLMAgentOSError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps({"value": value}) + "\n")


if __name__ == "__main__":
    main()
