"""Encoder-decoder models through `LLM`: transformers' answers, whatever else runs and however small the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from llmagentos import LLM, ContextLengthError, InvalidRequestError, SamplingParams
from llmagentos.backends.cpu import CpuBackend
from llmagentos.models import build_graph, open_checkpoint

from .folder_models import open_folder_model
from .models.encoder_decoders import ENCODER_DECODERS
from .models.families import DATA, FamilyOracle, family_oracle

GREEDY = SamplingParams(temperature=0.0, max_tokens=12, ignore_eos=True)


@pytest.fixture(scope="module", params=ENCODER_DECODERS)
def model(request: pytest.FixtureRequest) -> Iterator[tuple[LLM, FamilyOracle]]:
    with open_folder_model(request.param) as llm:
        yield llm, family_oracle(request.param)


@pytest.fixture(scope="module")
def bart() -> Iterator[LLM]:
    with open_folder_model("bart-plain") as llm:
        yield llm


@pytest.fixture(scope="module")
def t5() -> Iterator[LLM]:
    with open_folder_model("t5-plain") as llm:
        yield llm


def prompts_of(oracle: FamilyOracle) -> list[list[int]]:
    return [oracle.arrays[f"prompt.{i}"].tolist() for i in range(3)]


def answers_of(oracle: FamilyOracle) -> list[list[int]]:
    return [oracle.arrays[f"answer.{i}"].tolist() for i in range(3)]


def test_answers_are_those_of_transformers(model: tuple[LLM, FamilyOracle]) -> None:
    """By generation_config.json: beams, lengths, forced and banned tokens."""
    llm, oracle = model
    found = llm.generate(prompts_of(oracle))
    assert [one.token_ids for one in found] == answers_of(oracle)
    assert [one.usage.prompt_tokens for one in found] == [1, 45, 70]


def test_greedy_answers_are_those_of_transformers(model: tuple[LLM, FamilyOracle]) -> None:
    llm, oracle = model
    if "forced_bos_token_id" in {**oracle.case.json, **oracle.case.generation}:
        pytest.skip("the stored texts are without the token that this model begins with")
    expected = [oracle.arrays[f"greedy.{i}"].tolist() for i in range(3)]
    params = SamplingParams(temperature=0.0, max_tokens=len(expected[0]), ignore_eos=True)
    assert [one.token_ids for one in llm.generate(prompts_of(oracle), params)] == expected


@pytest.mark.parametrize("name", ["bart-plain", "t5-gated"])
@pytest.mark.parametrize(
    "options",
    [
        {"max_batched_tokens": 4},  # an encoder's input is longer than that
        {"kv_cache_bytes": 1, "context_length": 32},  # one context, and one input
        {"prefix_cache": False, "max_running": 2},
        {"threads": 2},
    ],
)
def test_answers_depend_on_no_limit(name: str, options: dict[str, Any]) -> None:
    oracle = family_oracle(name)
    if "kv_cache_bytes" in options:
        checkpoint = open_checkpoint(DATA / name)
        n_blocks = -(-checkpoint.context_length // CpuBackend.block_size) + 1
        options = options | {"kv_cache_bytes": n_blocks * CpuBackend.kv_block_bytes(build_graph(checkpoint), "f32")}
    with open_folder_model(name, **options) as llm:

        async def together() -> list[Any]:
            return await asyncio.gather(*(llm.agenerate(prompt) for prompt in prompts_of(oracle) * 2))

        assert [one.token_ids for one in asyncio.run(together())] == answers_of(oracle) * 2
        assert llm.stats().n_blocks_used == 0


def test_a_batch_gives_the_bits_of_each_alone(bart: LLM) -> None:
    prompts = prompts_of(family_oracle("bart-plain"))
    params = SamplingParams(temperature=1.0, seed=3, max_tokens=12, logprobs=2, n=2)
    assert bart.generate(prompts, params) == [bart.generate(prompt, params) for prompt in prompts]


def test_completions_of_one_prompt_share_what_was_read(bart: LLM) -> None:
    before = bart.stats().computed_tokens
    found: Any = bart.generate(list(range(3, 60)), SamplingParams(temperature=1.0, seed=3, max_tokens=5, n=4))
    assert len({tuple(one.token_ids) for one in found}) > 1
    assert all(one.usage.prompt_tokens == 57 for one in found)
    assert [one.usage.cached_tokens for one in found] == [0, 57, 57, 57]
    assert bart.stats().computed_tokens - before < 2 * 57


def test_max_length_counts_the_token_the_decoder_starts_with(bart: LLM) -> None:
    text = "a text to summarise"
    found = bart.generate(text, replace(bart.default_params, max_tokens=14))
    assert bart.generate_text(text, max_length=15) == found.text
    assert len(found.token_ids) == 14
    assert (found.token_ids[0], found.token_ids[-1]) == (0, 2)
    assert bart.generate_text(text) == bart.generate(text).text
    with pytest.raises(InvalidRequestError, match="max_length=1 is not valid"):
        bart.generate_text(text, max_length=1)


def test_the_first_token_can_be_forced(bart: LLM) -> None:
    assert bart.generate([5, 6, 7], forced_bos_token_id=33).token_ids[0] == 33
    assert bart.generate([5, 6, 7], GREEDY, forced_bos_token_id=34).token_ids[0] == 34
    assert bart.generate([5, 6, 7], GREEDY).token_ids[0] == 0
    with pytest.raises(InvalidRequestError, match="token id 83"):
        bart.generate([5], forced_bos_token_id=83)


def test_a_forced_token_has_its_own_probability(bart: LLM) -> None:
    params = replace(GREEDY, logprobs=1)
    found = bart.generate([5, 6, 7], params)
    assert found.logprobs is not None
    assert found.logprobs[0].token_id == 0
    assert found.logprobs[0].logprob < found.logprobs[0].top[0][1]
    scores = bart.score(found.token_ids, source=[5, 6, 7])
    np.testing.assert_allclose([one.logprob for one in found.logprobs], scores, atol=1e-4)


def test_an_answer_is_scored_after_its_source(t5: LLM) -> None:
    answer = t5.generate([5, 6, 7], replace(GREEDY, logprobs=0))
    own, other = t5.score(answer.token_ids, source=[5, 6, 7]), t5.score(answer.token_ids, source=[50, 60])
    np.testing.assert_allclose(own, [one.logprob for one in answer.logprobs or ()], atol=1e-5)
    assert np.abs(own - other).max() > 1e-2
    with pytest.raises(InvalidRequestError, match="source is missing"):
        t5.score(answer.token_ids)


def test_answers_are_streamed(t5: LLM) -> None:
    chunks = list(t5.stream([5, 6, 7], GREEDY))
    assert [chunk.token_id for chunk in chunks] == t5.generate([5, 6, 7], GREEDY).token_ids
    assert chunks[-1].finish_reason == "length"


def test_beams_are_not_streamed(bart: LLM) -> None:
    with pytest.raises(InvalidRequestError, match=r"num_beams=4 \(the model's own settings, without params\)"):
        bart.stream([5, 6, 7])


def test_a_text_that_the_encoder_cannot_take_says_by_how_much(bart: LLM) -> None:
    assert bart.info.encoder_length == 96
    with pytest.raises(ContextLengthError, match="100 tokens, 4 more than the 96 that this model's encoder takes"):
        bart.generate([3] * 100)
    assert bart.generate([3] * 96, GREEDY).usage.prompt_tokens == 96


def test_relative_positions_reach_as_far_as_asked() -> None:
    with open_folder_model("t5-plain", context_length=600) as llm:
        assert (llm.info.encoder_length, llm.info.context_length) == (600, 600)
        assert llm.generate([3, 4] * 300, GREEDY).usage.prompt_tokens == 600


def test_a_form_is_kept_where_no_token_is_forced(t5: LLM, bart: LLM) -> None:
    form: Any = {"type": "choice", "choices": ["AB", "BA"]}
    assert t5.generate([5, 6], SamplingParams(temperature=0.0, max_tokens=9), response_format=form).text in ("AB", "BA")
    with pytest.raises(InvalidRequestError, match="answers begin with token 0"):
        bart.generate([5, 6], response_format=form)


def test_what_such_models_cannot_do_is_refused(bart: LLM) -> None:
    messages = [{"role": "user", "content": "hello"}]
    for call in (bart.chat, bart.stream):
        with pytest.raises(InvalidRequestError, match="an encoder-decoder model cannot chat"):
            call(messages)
    with pytest.raises(InvalidRequestError, match="prompt_logprobs"):
        bart.generate([5], SamplingParams(prompt_logprobs=1))
    with pytest.raises(InvalidRequestError, match="the prompt is empty"):
        bart.generate([[]])
    with pytest.raises(InvalidRequestError, match="has an encoder"):
        open_folder_model("bart-plain", draft_model=DATA / "bart-plain")
