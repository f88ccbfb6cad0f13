"""Beam search through `LLM`: sequences and scores are those of transformers on the same weights."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos import LLM, Completion, InvalidRequestError, SamplingParams

ORACLES = Path(__file__).parent / "oracles" / "beams"
NAMES = sorted(path.stem for path in ORACLES.glob("*.gguf"))
N_NEW = 20  # the oracle's


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> Iterator[tuple[LLM, list[dict[str, Any]]]]:
    """A tiny model, and transformers' answers to the cases kept beside it."""
    cases = json.loads((ORACLES / f"{request.param}.json").read_text())
    with LLM(ORACLES / f"{request.param}.gguf", kv_dtype="f32") as llm:
        yield llm, cases


@pytest.fixture(scope="module")
def llm() -> Iterator[LLM]:
    with LLM(ORACLES / f"{NAMES[0]}.gguf", kv_dtype="f32") as llm:
        yield llm


def params_of(settings: dict[str, Any]) -> SamplingParams:
    ends = settings.get("ends", True)
    given = {key: value for key, value in settings.items() if key != "ends"}
    return SamplingParams(
        temperature=0.0, max_tokens=N_NEW, ignore_eos=not ends, **{"n": settings["num_beams"], **given}
    )


def answers(found: Completion | list[Completion]) -> list[Completion]:
    return found if isinstance(found, list) else [found]


def test_sequences_and_scores_are_those_of_transformers(model: tuple[LLM, list[dict[str, Any]]]) -> None:
    llm, cases = model
    for case in cases:
        found = answers(llm.generate(case["prompt"], params_of(case["settings"])))
        assert [one.token_ids for one in found] == [one["token_ids"] for one in case["answers"]], case["settings"]
        scores = [one.sequence_score for one in found]
        if case["settings"]["num_beams"] == 1:
            assert scores == [None]
        else:
            np.testing.assert_allclose(scores, [one["score"] for one in case["answers"]], rtol=1e-4, atol=1e-4)


def test_they_are_the_same_when_all_cases_run_together(model: tuple[LLM, list[dict[str, Any]]]) -> None:
    llm, cases = model

    async def together() -> list[Any]:
        return await asyncio.gather(*(llm.agenerate(c["prompt"], params_of(c["settings"])) for c in cases))

    for case, found in zip(cases, asyncio.run(together()), strict=True):
        assert [one.token_ids for one in answers(found)] == [one["token_ids"] for one in case["answers"]]


@pytest.mark.oracle
def test_transformers_still_gives_what_is_kept(tmp_path: Path) -> None:
    for needed in ("torch", "transformers", "gguf"):
        pytest.importorskip(needed)
    subprocess.run([sys.executable, str(ORACLES / "make.py"), "--out", str(tmp_path)], check=True, timeout=600)
    for name in NAMES:
        kept, made = (json.loads((folder / f"{name}.json").read_text()) for folder in (ORACLES, tmp_path))
        for old, new in zip(kept, made, strict=True):
            assert [one["token_ids"] for one in old["answers"]] == [one["token_ids"] for one in new["answers"]]
        assert (tmp_path / f"{name}.gguf").read_bytes() == (ORACLES / f"{name}.gguf").read_bytes()


def test_n_answers_are_the_best_of_the_beams(llm: LLM) -> None:
    four = llm.generate("the", SamplingParams(num_beams=4, n=4, max_tokens=6))
    two = llm.generate("the", SamplingParams(num_beams=4, n=2, max_tokens=6))
    best = llm.generate("the", SamplingParams(num_beams=4, max_tokens=6, temperature=0))
    assert answers(two) == answers(four)[:2]
    assert best == answers(four)[0]
    scores = [one.sequence_score or 0.0 for one in answers(four)]
    assert scores == sorted(scores, reverse=True)


def test_a_list_of_prompts_is_searched_as_one_batch(llm: LLM) -> None:
    params = SamplingParams(num_beams=3, n=2, max_tokens=6)
    together = llm.generate(["the", "a cat"], params)
    assert together == [llm.generate("the", params), llm.generate("a cat", params)]


def test_texts_are_those_of_the_tokens(llm: LLM) -> None:
    for one in answers(llm.generate("the", SamplingParams(num_beams=4, n=4, max_tokens=8))):
        assert one.text == llm.detokenize(one.token_ids, skip_special=True)
        assert one.finish_reason == ("stop" if len(one.token_ids) < 8 else "length")
        assert (one.usage.prompt_tokens, one.usage.completion_tokens) == (len(llm.tokenize("the")), len(one.token_ids))


def test_log_probabilities_add_up_to_the_score(llm: LLM) -> None:
    params = SamplingParams(num_beams=3, n=3, max_tokens=8, length_penalty=0.5, logprobs=1, prompt_logprobs=0)
    for one in answers(llm.generate([5, 6, 7], params)):
        logprobs = [entry.logprob for entry in one.logprobs or ()]
        assert len(logprobs) == len(one.token_ids)
        assert one.sequence_score == pytest.approx(sum(logprobs) / len(logprobs) ** 0.5)
        np.testing.assert_allclose(logprobs, llm.score([5, 6, 7, *one.token_ids])[2:], atol=1e-4)
        assert len(one.prompt_logprobs or ()) == 3


def test_answers_keep_to_their_form(llm: LLM) -> None:
    form = {"type": "choice", "choices": ["ab", "abc", "b"]}
    found = answers(llm.generate("the", SamplingParams(num_beams=5, n=5, max_tokens=9), response_format=form))
    # There are no more texts than choices, in however many tokens they are written.
    assert {one.parsed for one in found} <= {"ab", "abc", "b"}
    assert {one.text for one in found} == {one.parsed for one in found}
    assert len({tuple(one.token_ids) for one in found}) == len(found)


def test_greedy_texts_repeat_no_ngram_either(llm: LLM) -> None:
    params = SamplingParams(temperature=0.0, max_tokens=40, ignore_eos=True)
    free = llm.generate([5, 6], params).token_ids
    assert len(set(free)) < len(free)
    bound = llm.generate([5, 6], SamplingParams(**{**vars(params), "no_repeat_ngram_size": 1})).token_ids
    assert len({5, 6, *bound}) == len(bound) + 2


def test_a_search_cannot_be_streamed(llm: LLM) -> None:
    with pytest.raises(InvalidRequestError, match="num_beams=2 is not valid for a stream"):
        llm.stream("the", SamplingParams(num_beams=2))
