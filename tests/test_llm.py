from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos import LLM, SamplingParams, loaded_model
from llmagentos.backends import cpu
from llmagentos.errors import (
    ContextLengthError,
    InvalidRequestError,
    LLMAgentOSError,
    ModelNotFoundError,
    OutOfMemoryError,
)
from llmagentos.loading import kv_memory
from llmagentos.market import memory as memory_module
from llmagentos.market.memory import Memory

from .engine.fake_model import fake_model

TINY = Path(__file__).parent / "oracles" / "models" / "tiny" / "llama_f32.gguf"
GREEDY = SamplingParams(temperature=0, max_tokens=8, ignore_eos=True)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(**options: Any) -> LLM:
        monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(**options))
        return LLM("fake")

    return make


def test_a_prompt_gives_a_completion_and_a_list_a_list(make: Any) -> None:
    llm = make()
    one = llm.generate("one", GREEDY)
    assert llm.generate(["one", "two"], GREEDY) == [one, llm.generate("two", GREEDY)]
    assert llm.generate(list(b"one"), GREEDY) == one
    assert llm.generate(np.array(list(b"one")), GREEDY) == one
    assert llm.generate([list(b"one")], GREEDY) == [one]
    assert llm.generate([], GREEDY) == []
    assert len(one.token_ids) == 8
    assert one.finish_reason == "length"
    assert (one.usage.prompt_tokens, one.usage.completion_tokens, one.usage.total_tokens) == (3, 8, 11)
    assert one.logprobs is None


def test_n_completions_differ_and_the_first_is_that_of_n_1(make: Any) -> None:
    params = {"max_tokens": 6, "seed": 5, "ignore_eos": True}
    llm = make()
    several = llm.generate("x", SamplingParams(n=3, **params))
    assert several[0] == llm.generate("x", SamplingParams(**params))
    assert len({tuple(completion.token_ids) for completion in several}) == 3
    assert llm.generate(["x"], SamplingParams(n=3, **params)) == [several]


def test_without_a_seed_each_call_draws_its_own(make: Any) -> None:
    llm, params = make(), SamplingParams(max_tokens=12, ignore_eos=True)
    assert llm.generate("x", params).token_ids != llm.generate("x", params).token_ids


def test_chunks_add_up_to_the_completion(make: Any) -> None:
    llm = make()
    chunks = list(llm.stream("abc", GREEDY))
    whole = llm.generate("abc", GREEDY)
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert [chunk.token_id for chunk in chunks] == whole.token_ids
    assert [chunk.finish_reason for chunk in chunks] == [None] * 7 + ["length"]
    assert chunks[-1].usage == whole.usage


def test_logprobs_are_those_of_score(make: Any) -> None:
    llm = make()
    completion = llm.generate("abc", SamplingParams(temperature=0, max_tokens=5, logprobs=2, ignore_eos=True))
    assert all(len(entry.top) == 2 and entry.top[0] == (entry.token_id, entry.logprob) for entry in completion.logprobs)
    scores = llm.score([*b"abc", *completion.token_ids])
    assert scores.dtype == np.float32
    assert scores.shape == (7,)
    assert scores[2:].tolist() == [np.float32(entry.logprob) for entry in completion.logprobs]
    assert llm.score([1]).shape == (0,)


def test_a_stop_string_ends_the_text_before_it(make: Any) -> None:
    llm = make()
    forced = SamplingParams(temperature=0, max_tokens=30, logit_bias={ord("a"): 1e3}, stop="aaa")
    completion = llm.generate("x", forced)
    assert (completion.text, completion.token_ids, completion.finish_reason) == ("", [97, 97, 97], "stop")


def test_an_end_token_ends_and_stop_token_ids_too(make: Any) -> None:
    llm = make()
    for params in (
        SamplingParams(temperature=0, logit_bias={259: 1e3}),
        SamplingParams(temperature=0, logit_bias={65: 1e3}, stop_token_ids=[65]),
    ):
        completion = llm.generate("x", params)
        assert (completion.text, completion.finish_reason, len(completion.token_ids)) == ("", "stop", 1)
    ignoring = SamplingParams(temperature=0, logit_bias={259: 1e3}, max_tokens=3, ignore_eos=True)
    assert llm.generate("x", ignoring).token_ids == [259] * 3


def test_no_limit_runs_to_the_end_of_the_context(make: Any) -> None:
    completion = make(context_length=20).generate("abc", SamplingParams(temperature=0, ignore_eos=True))
    assert completion.usage.total_tokens == 20
    assert completion.finish_reason == "length"


def test_a_prompt_that_does_not_fit_fails_before_anything_runs(make: Any) -> None:
    llm = make(context_length=20)
    with pytest.raises(ContextLengthError, match="has 25 tokens, 6 more than the context of 20"):
        llm.generate(["fits", "x" * 25], GREEDY)
    with pytest.raises(ContextLengthError, match="has 21 tokens, 1 more"):
        llm.score("x" * 21)
    assert llm._engine._backend.n_tokens_per_run == []


def test_an_empty_prompt_runs_from_bos_or_is_an_error(make: Any) -> None:
    assert make(add_bos=True).generate("", GREEDY).usage.prompt_tokens == 1
    for call in (lambda llm: llm.generate(""), lambda llm: llm.stream([]), lambda llm: llm.score("")):
        with pytest.raises(InvalidRequestError, match="prompt is empty"):
            call(make())


def test_generate_text_answers_or_continues(make: Any) -> None:
    llm = make()
    turn = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert llm.generate_text("hi", max_length=5) == llm.generate(turn, SamplingParams(temperature=0, max_tokens=5)).text
    base = make(chat_template=None)
    assert base.generate_text("hi", 5) == base.generate("hi", SamplingParams(temperature=0, max_tokens=5)).text
    with pytest.raises(InvalidRequestError, match="max_length=0"):
        base.generate_text("hi", max_length=0)


def test_chat_takes_one_conversation_or_a_batch(make: Any) -> None:
    llm = make()
    messages = [{"role": "user", "content": "hi"}]
    one = llm.chat(messages, GREEDY)
    assert llm.chat([messages, messages], GREEDY) == [one, one]
    assert "".join(chunk.text for chunk in llm.stream(messages, GREEDY)) == one.text
    with pytest.raises(InvalidRequestError, match=r"Fake has no chat template.*generate\(\)"):
        make(chat_template=None).chat(messages)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([1, 260], "token id 260 at index 1"),
        ([1, -1], "token id -1 at index 1"),
        (5, "not int"),
        ([None], "not NoneType"),
    ],
)
def test_a_bad_prompt_is_named(make: Any, prompt: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        make().generate(prompt, GREEDY)


def test_parameters_are_checked_against_the_model(make: Any) -> None:
    for params in (
        SamplingParams(stop_token_ids=[260]),
        SamplingParams(logit_bias={260: 1}),
        SamplingParams(logprobs=261),
    ):
        with pytest.raises(InvalidRequestError, match="vocabulary has 260 tokens"):
            make().generate("x", params)
    with pytest.raises(InvalidRequestError, match=r"^stop_token_ids has token id 260"):  # no prompt is to blame
        make().generate(["x", "y"], SamplingParams(stop_token_ids=[260]))
    with pytest.raises(InvalidRequestError, match="n=2 is not valid for a stream"):
        make().stream("x", SamplingParams(n=2))


def test_tokens_and_text_go_both_ways(make: Any) -> None:
    llm = make(add_bos=True)
    assert llm.tokenize("<s>é") == [256, 256, 0xC3, 0xA9]
    assert llm.tokenize("<s>", add_special=False, parse_special=False) == list(b"<s>")
    assert llm.detokenize([256, 0xC3, 0xA9]) == "<s>é"
    assert llm.detokenize([256, 0xC3], skip_special=True) == "\ufffd"


def test_a_closed_model_says_so_to_every_call(make: Any) -> None:
    with make() as llm:
        pass
    assert llm._engine._backend.closed
    for call in (
        lambda: llm.generate("x"),
        lambda: llm.generate([]),
        lambda: llm.generate_text("x"),
        lambda: llm.chat([{"role": "user", "content": "x"}]),
        lambda: llm.stream("x"),
        lambda: llm.score("xy"),
        lambda: llm.score("x"),
        lambda: llm.tokenize("x"),
        lambda: llm.detokenize([65]),
    ):
        with pytest.raises(LLMAgentOSError, match="this model is closed"):
            call()
    llm.close()
    assert llm.info.name == "Fake"
    assert llm.default_params.temperature == 0
    assert llm.has_chat_template


def test_chunks_left_over_from_a_closed_model_say_nothing_of_an_end(make: Any) -> None:
    llm = make()
    stream = llm.stream("abc", SamplingParams(temperature=0, max_tokens=30, ignore_eos=True))
    next(stream)
    llm.generate("other", GREEDY)  # drives the stream's request on, too
    llm.close()
    left = []

    def read() -> None:
        for chunk in stream:
            left.append(chunk)

    with pytest.raises(LLMAgentOSError, match="closed before the request finished"):
        read()
    assert len(left) >= 7
    assert all((chunk.finish_reason, chunk.usage) == (None, None) for chunk in left)


def test_a_service_that_is_not_known_is_no_model() -> None:
    with pytest.raises(
        ModelNotFoundError, match=r"no model is named 'other:model'.*openai:MODEL, gemini:MODEL or http"
    ):
        LLM("other:model")


@pytest.mark.parametrize("name", ["threads", "context_length", "kv_cache_bytes", "max_batched_tokens"])
def test_a_bad_setting_is_named(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name}=0"):
        LLM("fake", **{name: 0})  # type: ignore[arg-type]


def test_bytes_are_refused_where_text_or_ids_are_meant(make: Any) -> None:
    llm = make()
    for call in (llm.generate, llm.score, llm.detokenize, llm.stream, llm.tokenize, llm.generate_text):
        for kind in (bytes, bytearray, memoryview):
            with pytest.raises(InvalidRequestError, match=f"not {kind.__name__}: decode bytes first"):
                call(kind(b"Hello"))
    with pytest.raises(InvalidRequestError, match=r"^prompt 1: .*not bytes: decode bytes first"):
        llm.generate(["fine", b"Hello"])


def test_params_of_another_type_are_refused(make: Any) -> None:
    llm = make()
    for wrong in ({}, {"temperature": 0}, 5):
        with pytest.raises(InvalidRequestError, match="params must be a SamplingParams"):
            llm.generate("Hi", wrong)


def test_an_error_in_a_batch_says_which_prompt(make: Any) -> None:
    llm = make()
    with pytest.raises(InvalidRequestError, match=r"^prompt 1: "):
        llm.generate(["fine", [10**9]], GREEDY)
    with pytest.raises(ContextLengthError, match=r"^prompt 1: the prompt has 300 tokens") as caught:
        llm.generate(["fine", [1] * 300], GREEDY)
    assert (caught.value.prompt_tokens, caught.value.context_length) == (300, 128)
    with pytest.raises(InvalidRequestError, match=r"^conversation 1: messages\[0\] has no 'content'"):
        llm.chat([[{"role": "user", "content": "x"}], [{"role": "user"}]])


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
def test_a_path_that_is_not_utf8_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff.gguf")
    shutil.copy(TINY, path)
    with LLM(path, context_length=32) as llm:
        assert llm.generate("a", GREEDY).usage.completion_tokens == 8


def test_a_stream_takes_no_list(make: Any) -> None:
    llm = make()
    message = {"role": "user", "content": "hi"}
    for several in (["a", "b"], [[1], [2]], [[message]], [np.array([1])], [[]]):
        with pytest.raises(InvalidRequestError, match="stream takes one prompt or one conversation, not a list"):
            llm.stream(several, GREEDY)


def test_detokenize_speaks_of_ids(make: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"^ids must be a list of token ids, not str$"):
        make().detokenize("abc")


@pytest.mark.model
def test_a_model_of_the_catalogue_has_its_name_there() -> None:
    with LLM("smollm2", context_length=32) as llm:
        assert llm.info.name == "smollm2-135m-instruct"
        assert repr(llm) == "LLM('smollm2-135m-instruct')"


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"model.gguf"


def test_a_path_of_bytes_is_no_model() -> None:
    with pytest.raises(InvalidRequestError, match=r"^model=.*BytesPath"):
        LLM(BytesPath())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["threads", "context_length", "kv_cache_bytes", "max_batched_tokens"])
def test_a_setting_of_too_many_digits_is_named(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{name}=<int with too many digits"):
        LLM("fake", **{name: 10**5000})  # type: ignore[arg-type]


def test_memory_that_the_system_refuses_is_told_with_what_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OutOfMemoryError("the system refused an allocation of 9 bytes")

    monkeypatch.setattr(memory_module, "memory", lambda: Memory(2**33, 3000))
    monkeypatch.setattr(kv_memory, "memory", memory_module.memory)
    monkeypatch.setattr(cpu, "Executor", refuse)
    with pytest.raises(OutOfMemoryError) as caught:
        LLM(TINY, kv_cache_bytes=2**20, context_length=32, max_batched_tokens=77)
    message = str(caught.value)
    assert message.startswith("the system refused an allocation of 9 bytes: the weights take")
    assert "(kv_cache_bytes; one context of 32 tokens takes " in message
    assert "max_batched_tokens=77" in message
    assert "3000 of this machine's 8589934592 bytes are free" in message
