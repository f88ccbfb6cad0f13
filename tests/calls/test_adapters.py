"""LoRA adapters through the public class: chosen per call, mixed in one batch, loaded and unloaded while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos import LLM, InvalidRequestError, LLMAgentOSError, ModelNotFoundError, SamplingParams
from llmagentos.backends.protocol import AsideTime
from llmagentos.engine.pacing import Pace
from llmagentos.engine.request import Request, Service
from tests.adapter_folders import write_llama_adapter
from tests.engine.engines import assert_idle
from tests.folder_models import open_folder_model
from tests.hf_folders import write_llama
from tests.models.adapted import DATA

ALL, HEAD = "llama-all-linear", "llama-head"
GREEDY = SamplingParams(temperature=0.0, max_tokens=24, ignore_eos=True)
PROMPT = "What is said in the first forty tokens of a prompt is kept."


@pytest.fixture(scope="module")
def llm() -> Iterator[LLM]:
    with open_folder_model("llama-plain", adapters={"all": DATA / ALL, "head": str(DATA / HEAD)}) as llm:
        yield llm


def answers(llm: LLM) -> dict[str | None, list[int]]:
    """By adapter."""
    return {name: llm.generate(PROMPT, GREEDY, adapter=name).token_ids for name in (None, "all", "head")}


def test_each_call_chooses_its_adapter(llm: LLM) -> None:
    with open_folder_model("llama-plain") as plain:
        base = plain.generate(PROMPT, GREEDY).token_ids
    found = answers(llm)
    assert found[None] == base
    assert len({tuple(ids) for ids in found.values()}) == 3


def test_all_kinds_of_calls_take_one(llm: LLM) -> None:
    whole = llm.generate(PROMPT, GREEDY, adapter="all")
    assert [chunk.token_id for chunk in llm.stream(PROMPT, GREEDY, adapter="all")] == whole.token_ids
    assert asyncio.run(llm.agenerate(PROMPT, GREEDY, adapter="all")).token_ids == whole.token_ids
    assert (
        llm.generate_text(PROMPT, 24, adapter="all")
        == llm.generate(PROMPT, SamplingParams(temperature=0.0, max_tokens=24), adapter="all").text
    )
    ids = llm.tokenize(PROMPT)
    assert not np.allclose(llm.score(ids, adapter="all"), llm.score(ids), atol=0.1)
    params = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=0)
    scores = llm.generate(ids, params, adapter="all").prompt_logprobs
    assert scores is not None
    found = np.array([score.logprob for score in scores if score is not None], np.float32)
    np.testing.assert_array_equal(found, llm.score(ids, adapter="all"))


@pytest.mark.parametrize("options", [{"n": 3, "temperature": 0.8, "seed": 4}, {"num_beams": 3, "n": 2}])
def test_several_answers_share_it(llm: LLM, options: dict[str, Any]) -> None:
    params = SamplingParams(**{"temperature": 0.0, "max_tokens": 12, "ignore_eos": True, **options})
    alone: Any = llm.generate(PROMPT, params, adapter="head")
    streams = [llm.stream(PROMPT, GREEDY, adapter=name) for name in (None, "all")]
    for stream in streams:
        next(stream)
    beside: Any = llm.generate(PROMPT, params, adapter="head")
    assert [one.token_ids for one in beside] == [one.token_ids for one in alone]
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]


def test_streams_side_by_side_are_as_alone(llm: LLM) -> None:
    expected = answers(llm)
    streams = {name: llm.stream(PROMPT, GREEDY, adapter=name) for name in expected}
    found: dict[str | None, list[int]] = {name: [] for name in expected}
    for _ in range(24):
        for name, stream in streams.items():
            token = next(stream).token_id
            assert token is not None
            found[name].append(token)
    assert found == expected


def test_cached_prompts_are_of_one_adapter(llm: LLM) -> None:
    salted = {"cache_salt": "test_cached_prompts_are_of_one_adapter"}
    for name in (None, "all", "head"):
        first = llm.generate(PROMPT, GREEDY, adapter=name, **salted)
        assert first.usage.cached_tokens == 0
        again = llm.generate(PROMPT, GREEDY, adapter=name, **salted)
        assert again.usage.cached_tokens == 32
        assert again.token_ids == first.token_ids


def test_adapters_come_and_go(llm: LLM) -> None:
    assert [info.name for info in llm.adapters] == ["all", "head"]
    llm.load_adapter("more", DATA / ALL)
    info = llm.adapters[-1]
    assert (info.name, info.path, info.max_rank) == ("more", str(DATA / ALL), 20)
    assert info.n_bytes > 0
    assert llm.generate(PROMPT, GREEDY, adapter="more").token_ids == answers(llm)["all"]
    llm.unload_adapter("more")
    with pytest.raises(InvalidRequestError, match="'more' is not valid: it is not loaded; these are: all, head"):
        llm.generate(PROMPT, GREEDY, adapter="more")
    llm.load_adapter("more", DATA / HEAD)  # the name alone does not bring back what was cached under it
    assert llm.generate(PROMPT, GREEDY, adapter="more").token_ids == answers(llm)["head"]
    llm.unload_adapter("more")


def test_they_come_and_go_beside_running_calls(llm: LLM) -> None:
    expected = answers(llm)

    def repeated(name: str) -> list[list[int]]:
        return [llm.generate(PROMPT, GREEDY, adapter=name).token_ids for _ in range(5)]

    with ThreadPoolExecutor(2) as threads:
        running = {name: threads.submit(repeated, name) for name in ("all", "head")}
        for _ in range(10):
            llm.load_adapter("more", DATA / HEAD)
            assert llm.generate(PROMPT, GREEDY, adapter="more").token_ids == expected["head"]
            llm.unload_adapter("more")
    assert {name: one.result() for name, one in running.items()} == {name: [expected[name]] * 5 for name in running}


def test_one_in_use_stays(llm: LLM) -> None:
    llm.load_adapter("used", DATA / ALL)
    stream = llm.stream(PROMPT, GREEDY, adapter="used")
    first = next(stream).token_id
    with pytest.raises(InvalidRequestError, match="'used' is in use by requests under way or waiting, 1 of them"):
        llm.unload_adapter("used")
    assert [first, *(chunk.token_id for chunk in stream)] == answers(llm)["all"]
    closed = llm.stream(PROMPT, GREEDY, adapter="used")
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    llm.unload_adapter("used")


def test_what_it_was_computed_for_aside_does_not_keep_it(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    llm.load_adapter("used", DATA / ALL)
    engine: Any = llm._engine
    monkeypatch.setattr(Pace, "joining_tokens", lambda self, n_streams: 0)
    monkeypatch.setattr(Pace, "aside_time", lambda self, n_streams, has_joined: AsideTime(0.0, 0.0))

    def submit(n_tokens: int, n_new: int, adapter: int | None = None) -> Request:
        service = Service(adapter=adapter)
        request = Request([7] * n_tokens, GREEDY, n_tokens + n_new, service=service)
        engine._submit([request])
        return request

    stream = submit(4, 60)
    for _ in range(2):
        engine._stepper.step()
    used, other = submit(25, 4, max(engine._adapters)), submit(30, 4)
    engine._stepper.step()
    assert [chunk.request for chunk in engine._scheduler.aside.chunks] == [used, other]
    engine.cancel([used])
    engine._stepper.step()
    assert used.finish_reason == "cancelled"
    llm.unload_adapter("used")
    for _ in range(500):
        engine._stepper.step()
    assert (stream.finish_reason, other.finish_reason) == ("length", "length")
    assert_idle(engine)


def test_a_stream_that_has_not_begun_does_not_keep_it(llm: LLM) -> None:
    llm.load_adapter("used", DATA / ALL)
    stream = llm.stream(PROMPT, GREEDY, adapter="used")
    llm.unload_adapter("used")
    with pytest.raises(InvalidRequestError, match="unloaded before the request began"):
        next(stream)


@pytest.mark.parametrize(
    ("name", "path", "error", "message"),
    [
        ("all", DATA / ALL, InvalidRequestError, "name='all' is not valid: an adapter of this name is loaded already"),
        ("", DATA / ALL, InvalidRequestError, "name=''"),
        (7, DATA / ALL, InvalidRequestError, "name=7"),
        ("x", 7, InvalidRequestError, "path=7"),
        ("x", "/no/such/folder", ModelNotFoundError, "/no/such/folder"),
    ],
)
def test_bad_arguments_are_named(llm: LLM, name: Any, path: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        llm.load_adapter(name, path)
    assert len(llm.adapters) == 2


def test_unknown_names_are_refused(llm: LLM) -> None:
    calls = [
        lambda: llm.generate("x", adapter="none"),
        lambda: llm.stream("x", adapter="none"),
        lambda: llm.score("xy", adapter="none"),
        lambda: llm.unload_adapter("none"),
    ]
    for call in calls:
        with pytest.raises(InvalidRequestError, match="adapter='none' is not valid"):
            call()


def test_a_model_with_a_bad_adapter_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no folder"):
        open_folder_model("llama-plain", adapters={"x": tmp_path / "none"})
    with pytest.raises(InvalidRequestError, match="adapters="):
        open_folder_model("llama-plain", adapters=[DATA / ALL])


def test_a_closed_model_loads_none() -> None:
    with open_folder_model("llama-plain") as llm:
        pass
    with pytest.raises(LLMAgentOSError, match="closed"):
        llm.load_adapter("all", DATA / ALL)


def test_an_encoder_decoder_reads_and_writes_with_it() -> None:
    with open_folder_model("bart-plain", adapters={"a": DATA / "bart-attention"}) as llm:
        plain, found = llm.score("an answer", "a text", adapter=None), llm.score("an answer", "a text", adapter="a")
        assert not np.allclose(plain, found, atol=0.1)
        params = SamplingParams(temperature=0.0, max_tokens=4, logprobs=0, ignore_eos=True)
        assert llm.generate("a text", params, adapter="a").logprobs != llm.generate("a text", params).logprobs


def test_embeddings_of_an_adapter(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "model", 600, "byte_level", tie_word_embeddings=True)
    adapter = write_llama_adapter(tmp_path / "adapter")
    with LLM(folder, task="embed", threads=1, adapters={"a": adapter}) as llm:
        texts = ["one text", "another, which is longer", "one text"]
        plain, found = llm.embed(texts), llm.embed(texts, adapter="a")
        assert (plain * found).sum(axis=1).max() < 0.99
        np.testing.assert_array_equal(found[0], llm.embed("one text", adapter="a")[0])
        np.testing.assert_array_equal(plain, llm.embed(texts))
        best = llm.rerank("one text", texts, top_n=1, adapter="a")[0]
        assert (best.index, round(best.score, 5)) == (0, 1.0)
        llm.unload_adapter("a")
        with pytest.raises(InvalidRequestError, match="adapter='a' is not valid: it is not loaded; none is"):
            llm.embed(texts, adapter="a")
