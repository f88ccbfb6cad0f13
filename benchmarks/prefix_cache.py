"""What does the prefix cache bring where prompts begin alike?

usage: python benchmarks/prefix_cache.py [MODEL] [--rounds N] [--threads N]

32 requests of 1,000 shared and 50 own prompt tokens and 16 new ones, with the cache and without, in turn, each from an
empty cache. The answers are compared, too: they must be the same bits.
"""

from __future__ import annotations

import statistics
import time

import harness

from llmagentos import LLM, Completion, SamplingParams

N_REQUESTS, SHARED, OWN, NEW = 32, 1000, 50, 16


def run(llm: LLM, number: int) -> tuple[float, list[Completion]]:
    """Seconds, and what came."""
    shared = [(7 * i + 977 * number) % 30000 + 100 for i in range(SHARED)]
    prompts = [shared + [(11 * i + 131 * n) % 30000 + 100 for i in range(OWN)] for n in range(N_REQUESTS)]
    start = time.perf_counter()
    answers = llm.generate(prompts, SamplingParams(temperature=0, max_tokens=NEW, logprobs=0, ignore_eos=True))
    return time.perf_counter() - start, answers


def main() -> None:
    arguments = harness.engine_parser(__doc__).parse_args()
    with (
        LLM(arguments.model, threads=arguments.threads) as cached,
        LLM(arguments.model, threads=arguments.threads, prefix_cache=False) as uncached,
    ):
        ratios, seconds = [], []
        for number in range(arguments.rounds):
            (with_cache, answers), (without, expected) = run(cached, number), run(uncached, number)
            if answers != expected:
                raise SystemExit("the answers differ")
            ratios.append(without / with_cache)
            seconds.append((with_cache, without))
            print(
                f"round {number + 1}: {with_cache:.2f} s with, {without:.2f} s without: {ratios[-1]:.2f}x", flush=True
            )
    print(f"median {statistics.median(ratios):.2f}x; the answers are the same")
    print(f"appended to {harness.record('prefix_cache', {'model': arguments.model, 'seconds': seconds})}")


if __name__ == "__main__":
    main()
