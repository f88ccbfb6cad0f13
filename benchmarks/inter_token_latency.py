"""Do running answers keep flowing while a long prompt is computed beside them, and what does the prompt pay?

usage: python benchmarks/inter_token_latency.py [MODEL] [--rounds N] [--threads N]

Four streams run; then a prompt of 4,000 tokens arrives. Compared are the gaps between the streams' tokens during its
prefill with those just before and after it (a stream's gaps grow with its text), and the prefill's time with and
without the streams.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from itertools import pairwise

import harness

from llmagentos import LLM, SamplingParams

N_STREAMS, STREAM_PROMPT, PROMPT = 4, 500, 4000
UNDISTURBED = 150  # tokens of each stream, before and after


def tokens(n: int, salt: int) -> list[int]:
    return [(7 * i + 131 * salt) % 30000 + 100 for i in range(n)]


async def measure(llm: LLM, number: int) -> tuple[list[float], list[float], float, float]:
    """Gaps around and during the prefill, and seconds of the prefill alone and beside the streams."""
    one = SamplingParams(temperature=0, max_tokens=1)
    start = time.perf_counter()
    await llm.agenerate(tokens(PROMPT, 1000 + number), one)
    alone = time.perf_counter() - start
    stamps: list[list[float]] = [[] for _ in range(N_STREAMS)]

    async def stream(index: int) -> None:
        params = SamplingParams(temperature=0, ignore_eos=True, max_tokens=4000)
        async for _ in llm.astream(tokens(STREAM_PROMPT, 10 * number + index), params):
            stamps[index].append(time.perf_counter())

    async def all_reach(length: int) -> None:
        while min(len(one) for one in stamps) < length:  # noqa: ASYNC110 (streams, not events)
            await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(stream(index)) for index in range(N_STREAMS)]
    await all_reach(2 * UNDISTURBED)
    start = time.perf_counter()
    await llm.agenerate(tokens(PROMPT, 2000 + number), one)
    end = time.perf_counter()
    await all_reach(max(len(one) for one in stamps) + UNDISTURBED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    pairs = [pairwise(one) for one in stamps]
    undisturbed, during = list[float](), list[float]()
    for gaps in pairs:
        before, after = list[float](), list[float]()
        for a, b in gaps:
            (before if b < start else during if b <= end else after).append(b - a)
        undisturbed += before[-UNDISTURBED:] + after[1 : 1 + UNDISTURBED]
    return undisturbed, during, alone, end - start


def main() -> None:
    arguments = harness.engine_parser(__doc__).parse_args()
    rows = []
    with LLM(arguments.model, threads=arguments.threads, speculation="off") as llm:
        llm.generate(tokens(64, 7), SamplingParams(temperature=0, max_tokens=8))
        for number in range(arguments.rounds):
            around, during, alone, beside = asyncio.run(measure(llm, number))
            median, p95 = statistics.median(around), sorted(during)[int(0.95 * len(during))]
            rows.append({"gap": median, "p95_during": p95, "prefill_alone": alone, "prefill_beside": beside})
            print(
                f"round {number + 1}: gap {1e3 * median:.1f} ms, 95th percentile during prefill {1e3 * p95:.1f} ms "
                f"({p95 / median:.2f}x); prefill {alone:.2f} s alone, {beside:.2f} s beside ({beside / alone:.2f}x)",
                flush=True,
            )
    print(f"median gap ratio {statistics.median(row['p95_during'] / row['gap'] for row in rows):.2f}, ", end="")
    print(f"median prefill ratio {statistics.median(row['prefill_beside'] / row['prefill_alone'] for row in rows):.2f}")
    print(f"appended to {harness.record('inter_token_latency', {'model': arguments.model, 'rounds': rows})}")


if __name__ == "__main__":
    main()
