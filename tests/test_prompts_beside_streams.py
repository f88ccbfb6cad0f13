"""Prompts that are computed aside, piece by piece beside running answers, give what they give alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagentos import LLM, Completion, SamplingParams

TINY = Path(__file__).parent / "oracles" / "beams" / "peaked.gguf"
LONG = 300
STREAMS = [SamplingParams(temperature=0.8, seed=seed, max_tokens=450, ignore_eos=True) for seed in range(3)]
OF_STREAMS = 20 * len(STREAMS)  # tokens of their prompts
KINDS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0, "logprobs": 2},
    "scored": {"temperature": 0.0, "prompt_logprobs": 1},
    "several": {"temperature": 0.9, "n": 3},
    "choice": {"temperature": 0.9},
    "beams": {"temperature": 0.0, "num_beams": 3},
}


def tokens(n: int, salt: int) -> list[int]:
    return [(7 * i + 13 * salt) % 50 + 5 for i in range(n)]


def outcome(completion: Completion) -> tuple[Any, ...]:
    return completion.text, completion.token_ids, completion.logprobs, completion.prompt_logprobs


def outcomes(found: Completion | list[Completion]) -> list[tuple[Any, ...]]:
    return [outcome(one) for one in (found if isinstance(found, list) else [found])]


@pytest.fixture
def llm() -> Iterator[LLM]:
    """Gives a prompt beside answers as little time as can be."""
    with LLM(TINY, threads=2, inter_token_target=1e-6) as llm:
        yield llm


@pytest.fixture
def set_aside(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens of each batch that was set aside."""
    backend: Any = llm._engine._backend
    begin, seen = backend.begin_aside, list[int]()
    monkeypatch.setattr(backend, "begin_aside", lambda batch: (seen.append(len(batch.token_ids)), begin(batch))[1])
    return seen


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 (the engine's state, not events)
        await asyncio.sleep(0.0005)


async def beside_streams(llm: LLM, work: Any) -> tuple[Any, list[str]]:
    """What `work` gives while answers run, and the answers."""
    texts = [""] * len(STREAMS)

    async def stream(index: int) -> None:
        async for chunk in llm.astream(tokens(20, index), STREAMS[index]):
            texts[index] += chunk.text

    tasks = [asyncio.create_task(stream(index)) for index in range(len(STREAMS))]
    await until(lambda: min(map(len, texts)) >= 3 or any(task.done() for task in tasks))
    found = await work
    await asyncio.gather(*tasks)
    return found, texts


@pytest.mark.parametrize("kind", KINDS)
def test_they_give_what_they_give_alone(llm: LLM, set_aside: list[int], kind: str) -> None:
    params, prompt = SamplingParams(seed=3, max_tokens=12, **KINDS[kind]), tokens(LONG, 5)
    form = {"response_format": {"type": "choice", "choices": ["yes", "no"]}} if kind == "choice" else {}
    found, texts = asyncio.run(asyncio.wait_for(beside_streams(llm, llm.agenerate(prompt, params, **form)), 60))
    assert sum(set_aside) > OF_STREAMS
    with LLM(TINY, threads=1, speculation="off") as other:
        assert outcomes(found) == outcomes(other.generate(prompt, params, **form))
        expected = [other.generate(tokens(20, index), one) for index, one in enumerate(STREAMS)]
    assert texts == [one.text for one in expected]


def test_one_that_is_cancelled_leaves_the_others_as_they_are(llm: LLM, set_aside: list[int]) -> None:
    params = SamplingParams(temperature=0.0, max_tokens=12, ignore_eos=True, prompt_logprobs=0)

    async def cancel_some() -> list[Completion]:
        tasks = [asyncio.create_task(llm.agenerate(tokens(LONG, salt), params)) for salt in range(6)]
        for task in tasks[::2]:
            await until(lambda: sum(set_aside) > 0)
            set_aside.clear()
            task.cancel()
        return await asyncio.gather(*tasks[1::2])

    found, texts = asyncio.run(asyncio.wait_for(beside_streams(llm, cancel_some()), 60))
    assert [outcome(one) for one in found] == [outcome(llm.generate(tokens(LONG, salt), params)) for salt in (1, 3, 5)]
    assert texts == [llm.generate(tokens(20, index), one).text for index, one in enumerate(STREAMS)]
    assert llm.stats().n_blocks_used == 0


def test_what_is_left_goes_on_without_streams(llm: LLM, set_aside: list[int]) -> None:
    async def leave_streams() -> Completion:
        async def stream(index: int) -> None:
            async for _ in llm.astream(tokens(20, index), STREAMS[index]):
                pass

        tasks = [asyncio.create_task(stream(index)) for index in range(len(STREAMS))]
        await until(lambda: llm.stats().n_running == len(STREAMS))
        prompt = asyncio.create_task(llm.agenerate(tokens(LONG, 9), SamplingParams(temperature=0.0, max_tokens=3)))
        await until(lambda: sum(set_aside) > OF_STREAMS)
        for task in tasks:
            task.cancel()
        return await prompt

    found = asyncio.run(asyncio.wait_for(leave_streams(), 60))
    assert outcome(found) == outcome(llm.generate(tokens(LONG, 9), SamplingParams(temperature=0.0, max_tokens=3)))
