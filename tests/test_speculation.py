"""Drafts through `LLM`: the same answers to the bit, in fewer steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmagentos import LLM, Completion, InvalidRequestError, SamplingParams
from llmagentos.engine.step_times import StepTimes

ORACLES = Path(__file__).parent / "oracles"
TINY = ORACLES / "beams" / "peaked.gguf"
OTHER = ORACLES / "beams" / "flat.gguf"

SETTINGS: list[dict[str, Any]] = [
    {"temperature": 0.0},
    {"temperature": 0.0, "repetition_penalty": 1.2, "frequency_penalty": 0.3},
    {"temperature": 0.8, "logprobs": 3},
    {"temperature": 1.0, "top_p": 0.9, "presence_penalty": 0.2, "min_tokens": 20},
    {"temperature": 0.7, "top_k": 20, "dry_multiplier": 0.8, "n": 2, "logprobs": 0},
]


@pytest.fixture(autouse=True)
def _drafts_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drafted then depends on no measured time."""
    monkeypatch.setattr(StepTimes, "ratio", lambda self, n_streams, n_drafts: 1.0)
    monkeypatch.setattr(StepTimes, "alone", lambda self, n_streams: None)


def params_of(settings: dict[str, Any], n_tokens: int) -> list[SamplingParams]:
    return [SamplingParams(**settings, seed=seed, max_tokens=n_tokens) for seed in range(3)]


def outcome(found: Completion | Sequence[Completion]) -> list[tuple[Any, ...]]:
    completions = [found] if isinstance(found, Completion) else found
    return [(one.text, one.token_ids, one.logprobs, one.finish_reason) for one in completions]


@pytest.fixture(scope="module")
def tiny() -> Iterator[LLM]:
    with LLM(TINY, speculation="off") as llm:
        yield llm


@pytest.mark.parametrize("draft_model", [None, TINY, OTHER])
def test_a_tiny_model_answers_as_without(tiny: LLM, draft_model: Path | None) -> None:
    prompts = [[5, 6, 7, 8] * 4, [5, 6, 7, 8] * 9, [9]]
    with LLM(TINY, draft_model=draft_model) as llm:
        for settings in SETTINGS:
            for params in params_of({**settings, "ignore_eos": True}, 40):
                for prompt in prompts:
                    assert outcome(llm.generate(prompt, params)) == outcome(tiny.generate(prompt, params))
                together, alone = llm.generate(prompts, params), tiny.generate(prompts, params)
                assert [outcome(one) for one in together] == [outcome(one) for one in alone]
        stats = llm.stats()
    assert stats.drafted_tokens > 0
    assert stats.computed_tokens > stats.drafted_tokens
    if draft_model is None:
        assert stats.accepted_tokens > 0
    if draft_model == TINY:
        assert stats.acceptance_rate > 0.95  # drawn with the same random numbers, from nearly the same distributions


def test_without_speculation_nothing_is_drafted(tiny: LLM) -> None:
    tiny.generate([5, 6, 7, 8] * 4, SamplingParams(temperature=0, max_tokens=20, ignore_eos=True))
    assert tiny.stats().drafted_tokens == 0


def test_a_stream_has_one_chunk_for_each_token(tiny: LLM) -> None:
    params = SamplingParams(temperature=0, max_tokens=30, ignore_eos=True)
    with LLM(TINY) as llm:
        chunks = list(llm.stream([5, 6, 7, 8] * 4, params))
        assert llm.stats().accepted_tokens > 0
    assert [chunk.token_id for chunk in chunks] == tiny.generate([5, 6, 7, 8] * 4, params).token_ids


def test_a_draft_model_must_have_the_same_vocabulary() -> None:
    other = next(path for path in sorted((ORACLES / "models" / "tiny").glob("*.gguf")) if "gemma" in path.name)
    with pytest.raises(InvalidRequestError, match=r"draft_model=.*its vocabulary must be the model's, but "):
        LLM(TINY, draft_model=other)


TEXT = (
    "The harbour of Lindby lies on the north shore of the bay. Every morning before sunrise the fishing boats leave in "
    "a long line, and the gulls follow them out to the open water. An old lighthouse stands at the end of the pier."
)
MESSAGES = [
    [{"role": "user", "content": f'Rewrite this text. Replace "Lindby" with "Norvik".\n\n{TEXT}'}],
    [{"role": "user", "content": "Write a story about a dog that goes to sea."}],
]


@pytest.mark.model
def test_the_default_model_answers_as_without() -> None:
    with LLM("smollm2", speculation="off", context_length=1024) as plain, LLM("smollm2", context_length=1024) as llm:
        for settings in SETTINGS[::2]:
            params = SamplingParams(**settings, seed=1, max_tokens=80)
            for messages in MESSAGES:
                assert outcome(llm.chat(messages, params)) == outcome(plain.chat(messages, params))
            together, alone = llm.chat(MESSAGES, params), plain.chat(MESSAGES, params)
            assert [outcome(one) for one in together] == [outcome(one) for one in alone]
        assert llm.stats().accepted_tokens > 100
        assert llm.stats().n_steps < plain.stats().n_steps


@pytest.mark.model
def test_the_default_model_as_its_own_draft_is_always_right() -> None:
    with LLM("smollm2", draft_model="smollm2", context_length=1024) as llm:
        params = SamplingParams(temperature=0.8, seed=1, max_tokens=60)
        with LLM("smollm2", speculation="off", context_length=1024) as plain:
            assert outcome(llm.chat(MESSAGES[1], params)) == outcome(plain.chat(MESSAGES[1], params))
        assert llm.stats().acceptance_rate == 1.0


@pytest.mark.model
def test_sliding_windows_answer_as_without() -> None:
    prompt = "Copy: " + TEXT * 12  # more tokens than a window holds, and drafts across its edges
    with (
        LLM("gemma-3-270m", speculation="off", context_length=1024) as plain,
        LLM("gemma-3-270m", context_length=1024) as llm,
    ):
        assert len(llm.tokenize(prompt)) > 512
        for settings in SETTINGS[:3]:
            params = SamplingParams(**settings, seed=1, max_tokens=60)
            assert outcome(llm.generate(prompt, params)) == outcome(plain.generate(prompt, params))
        assert llm.stats().accepted_tokens > 20
