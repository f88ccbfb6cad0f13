"""Random load for twenty minutes, and a hundred loads: nothing leaks, nothing is stuck. `pytest -m acceptance`.

LLMAGENTOS_SOAK_MINUTES sets another time.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from pathlib import Path

import pytest

from llmagentos import LLM, SamplingParams
from llmagentos.errors import LLMAgentOSError

pytestmark = pytest.mark.acceptance

MODEL = "smollm2-135m-instruct"
MINUTES = float(os.environ.get("LLMAGENTOS_SOAK_MINUTES", "20"))
N_CLIENTS = 24
MB = 1 << 20


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def client(llm: LLM, number: int, end: float, ends: dict[str, int]) -> None:
    chance = random.Random(number)
    while time.monotonic() < end:
        prompt = [chance.randrange(100, 40000) for _ in range(int(800 ** chance.random()))]
        params = SamplingParams(temperature=chance.choice((0, 0.8)), seed=number, max_tokens=chance.randrange(1, 60))
        what = chance.choice(("answer", "answer", "stream", "closed", "cancelled", "late", "bad"))
        try:
            if what == "answer":
                await llm.agenerate(prompt, params)
            elif what == "late":
                await llm.agenerate(prompt, params, timeout=0.05)
            elif what == "bad":
                await llm.agenerate([*prompt, 10**6], params)
            elif what == "cancelled":
                await asyncio.wait_for(llm.agenerate(prompt, params), chance.random())
            else:
                stream = llm.astream(prompt, params)
                async for _ in stream:
                    if what == "closed" and chance.random() < 0.2:
                        break
                await stream.aclose()  # type: ignore[attr-defined]
            ends[what] = ends.get(what, 0) + 1
        except (LLMAgentOSError, TimeoutError) as error:
            name = f"{what}: {type(error).__name__}"
            ends[name] = ends.get(name, 0) + 1


def test_random_load_leaks_nothing() -> None:
    ends: dict[str, int] = {}
    with LLM(MODEL, context_length=2048, kv_cache_bytes=150 * MB) as llm:

        async def load(minutes: float, salt: int) -> None:
            end = time.monotonic() + 60 * minutes
            await asyncio.gather(*(client(llm, salt + number, end, ends) for number in range(N_CLIENTS)))

        asyncio.run(load(MINUTES / 5, 0))
        warm = resident_bytes()
        asyncio.run(load(MINUTES * 4 / 5, 1000))
        grown = resident_bytes() - warm
        stats = llm.stats()
        print(f"{ends}\nresident {warm / MB:.0f} MB after warm-up, {grown / MB:+.1f} MB at the end; {stats}")
        assert stats.n_running == stats.n_waiting == stats.n_blocks_used == 0
        assert stats.n_preemptions > 0
        assert grown < 8 * MB
    assert {"answer", "stream", "closed", "bad: InvalidRequestError"} <= set(ends)
    assert not {name for name in ends if name.startswith(("answer:", "stream:"))}


def test_a_hundred_loads_give_all_memory_back() -> None:
    params = SamplingParams(temperature=0, max_tokens=8)
    sizes = []
    for _ in range(100):
        with LLM(MODEL) as llm:
            llm.generate("Once upon a time", params)
        sizes.append(resident_bytes())
    print(f"resident after the 10th close {sizes[9] / MB:.1f} MB, after the 100th {sizes[-1] / MB:.1f} MB")
    assert sizes[-1] - sizes[9] < 4 * MB
