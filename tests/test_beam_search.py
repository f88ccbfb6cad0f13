"""Beam search through `LLM`: sequences and scores are those of transformers on the same weights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos import LLM, Completion, SamplingParams

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
