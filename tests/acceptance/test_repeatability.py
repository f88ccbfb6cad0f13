"""200 mixed requests on the default model give the bits of each alone: `pytest -m acceptance`, about ten minutes."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import numpy as np
import pytest

from llmagentos import LLM, Completion, SamplingParams

pytestmark = pytest.mark.acceptance

MODEL = "smollm2-135m-instruct"
N_REQUESTS, LONGEST, N_SHARED = 200, 1500, 5


@dataclass(frozen=True)
class Asked:
    prompt: list[int]
    params: SamplingParams


def mixed_requests() -> list[Asked]:
    """Prompts of 1 to 1,500 tokens, four in ten of them with one of five beginnings; greedy and seeded."""
    chance = random.Random(5)
    beginnings = [[chance.randrange(100, 40000) for _ in range(LONGEST)] for _ in range(N_SHARED)]
    asked = []
    for index in range(N_REQUESTS):
        length = 1 if index == 0 else LONGEST if index == 1 else int(LONGEST ** chance.random())
        if chance.random() < 0.4:
            length = chance.randrange(100, LONGEST)
            own = [chance.randrange(100, 40000) for _ in range(chance.randrange(1, 60))]
            prompt = chance.choice(beginnings)[: max(1, length - len(own))] + own
        else:
            prompt = [chance.randrange(100, 40000) for _ in range(length)]
        n_new = chance.randrange(1, 48)
        params = SamplingParams(temperature=0, max_tokens=n_new, ignore_eos=True, logprobs=2)
        if index % 2:
            params = SamplingParams(
                temperature=0.9, top_p=0.95, top_k=40, seed=index, max_tokens=n_new, ignore_eos=True, logprobs=2
            )
        asked.append(Asked(prompt, params))
    return asked


def bits(completion: Completion) -> tuple[list[int], bytes]:
    assert completion.logprobs is not None
    values = [value for entry in completion.logprobs for value in (entry.logprob, *(p for _, p in entry.top))]
    return completion.token_ids, np.asarray(values, np.float64).tobytes()


async def answers(llm: LLM, asked: list[Asked], longest_wait: float) -> list[Completion]:
    chance = random.Random(6)

    async def one(request: Asked) -> Completion:
        await asyncio.sleep(chance.random() * longest_wait)
        completion: Completion = await llm.agenerate(request.prompt, request.params)
        return completion

    return await asyncio.gather(*(one(request) for request in asked))


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    return mixed_requests()


@pytest.fixture(scope="module")
def alone(asked: list[Asked]) -> list[tuple[list[int], bytes]]:
    with LLM(MODEL, prefix_cache=False, speculation="off") as llm:
        return [bits(llm.generate(request.prompt, request.params)) for request in asked]


def test_together_with_cache_hits(asked: list[Asked], alone: list[tuple[list[int], bytes]]) -> None:
    with LLM(MODEL) as llm:
        found = asyncio.run(answers(llm, asked, 0))
        assert [bits(one) for one in found] == alone
        assert llm.stats().cached_tokens > 1000


def test_random_arrival_and_other_chunks(asked: list[Asked], alone: list[tuple[list[int], bytes]]) -> None:
    with LLM(MODEL, max_batched_tokens=77, threads=1) as llm:
        assert [bits(one) for one in asyncio.run(answers(llm, asked, 60))] == alone


def test_pressure_that_preempts(asked: list[Asked], alone: list[tuple[list[int], bytes]]) -> None:
    with LLM(MODEL, context_length=1600, kv_cache_bytes=100 << 20, speculation="off") as llm:
        assert [bits(one) for one in asyncio.run(answers(llm, asked, 20))] == alone
        assert llm.stats().n_preemptions > 0
