"""Response formats and tool calls from call to completion, on a model that knows nothing."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from llmagentos import LLM, Chunk, InvalidRequestError, SamplingParams, SchemaError, ToolCall, loaded_model
from tests.chat.tool_calls.made import TIME, WEATHER
from tests.engine.fake_model import CHATML, fake_model

ASK = [{"role": "user", "content": "hi"}]
PARAMS = SamplingParams(temperature=1.0, seed=4, max_tokens=300)
POINT: dict[str, Any] = {
    "type": "object",
    "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 9}, "ok": {"type": "boolean"}},
    "required": ["x", "ok"],
    "additionalProperties": False,
}
POINT_FORMAT = {"type": "json_schema", "json_schema": {"name": "point", "schema": POINT, "strict": True}}
DIGITS = {"type": "regex", "regex": "[0-9]{1,500}"}
HERMES = CHATML + "{% if tools %}<tool_call>{% endif %}"
LLAMA3 = CHATML + "{% if tools %}Environment: ipython{% endif %}"
TOOLS: dict[str, Any] = {"tools": [WEATHER, TIME], "tool_choice": "required", "parallel_tool_calls": False}


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(**options: Any) -> LLM:
        monkeypatch.setattr(
            loaded_model, "open_local_model", lambda model, _: fake_model(context_length=2048, **options)
        )
        return LLM("fake")

    return make


def joined(chunks: Iterable[Chunk]) -> tuple[str, list[ToolCall], str | None]:
    """The text, calls and end of a stream."""
    text, pieces, reason = "", list[dict[str, Any]](), None
    for chunk in chunks:
        text += chunk.text
        reason = chunk.finish_reason
        for delta in chunk.tool_calls:
            if delta.id is not None:
                pieces.append({"id": delta.id, "name": delta.name, "arguments": ""})
            pieces[delta.index]["arguments"] += delta.arguments
    return text, [ToolCall(**piece, parsed=json.loads(piece["arguments"])) for piece in pieces], reason


async def collected(chunks: Any) -> list[Chunk]:
    return [chunk async for chunk in chunks]


def test_an_answer_has_the_form_and_the_object_asked_for(make: Any) -> None:
    llm = make()
    completion = llm.generate("p", PARAMS, response_format=POINT_FORMAT)
    assert completion.finish_reason == "stop"
    assert completion.parsed == json.loads(completion.text)
    assert set(completion.parsed) == {"x", "ok"}
    assert llm.chat(ASK, PARAMS, response_format=POINT_FORMAT).parsed.keys() == {"x", "ok"}
    assert llm.generate("p", PARAMS, response_format={"type": "choice", "choices": ["a", "b"]}).parsed in ("a", "b")
    assert llm.generate("p", SamplingParams(max_tokens=3), response_format={"type": "text"}).parsed is None


def test_each_of_several_completions_has_the_form(make: Any) -> None:
    llm = make()
    params = SamplingParams(temperature=1.0, seed=4, n=4, max_tokens=300)
    several = llm.generate(["p", "q"], params, response_format=POINT_FORMAT)
    assert all(completion.parsed is not None for group in several for completion in group)
    assert len({completion.text for group in several for completion in group}) > 2


def test_every_way_to_call_gives_the_same(make: Any) -> None:
    llm = make()
    expected = llm.chat(ASK, PARAMS, response_format=POINT_FORMAT)
    assert asyncio.run(llm.achat(ASK, PARAMS, response_format=POINT_FORMAT)) == expected
    assert joined(llm.stream(ASK, PARAMS, response_format=POINT_FORMAT)) == (expected.text, [], "stop")
    chunks = asyncio.run(collected(llm.astream(ASK, PARAMS, response_format=POINT_FORMAT)))
    assert joined(chunks) == (expected.text, [], "stop")
    prompt = llm.generate("p", PARAMS, response_format=POINT_FORMAT)
    assert asyncio.run(llm.agenerate("p", PARAMS, response_format=POINT_FORMAT)) == prompt
    assert joined(llm.stream("p", PARAMS, response_format=POINT_FORMAT))[0] == prompt.text


def test_what_was_cut_has_no_object(make: Any) -> None:
    llm = make()
    cut = llm.generate("p", SamplingParams(max_tokens=4), response_format=POINT_FORMAT)
    assert (cut.finish_reason, cut.parsed) == ("length", None)
    stopped = llm.generate("p", SamplingParams(max_tokens=300, stop=","), response_format=POINT_FORMAT)
    assert (stopped.finish_reason, stopped.parsed) == ("stop", None)
    # The last token that there was room for may still complete it.
    whole = llm.generate("p", PARAMS, response_format=POINT_FORMAT)
    exact = SamplingParams(temperature=1.0, seed=4, max_tokens=whole.usage.completion_tokens)
    assert llm.generate("p", exact, response_format=POINT_FORMAT) == whole


@pytest.mark.parametrize(
    "cut", [{"max_tokens": 4}, {"max_tokens": 4, "min_tokens": 4, "num_beams": 2, "temperature": 0.0}]
)
def test_what_was_cut_where_it_could_end_has_no_object(make: Any, cut: dict[str, Any]) -> None:
    """More digits may have followed: the number is not the one that was meant."""
    answer = make().generate("p", SamplingParams(**{"seed": 1, **cut}), response_format=DIGITS)
    assert (answer.finish_reason, answer.parsed) == ("length", None)
    assert re.fullmatch("[0-9]+", answer.text)


def test_an_answer_that_ran_out_of_time_has_no_object(make: Any) -> None:
    llm = make()
    backend: Any = llm._engine._backend
    backend.before_run = lambda batch: time.sleep(0.02)
    answer = llm.generate("p", SamplingParams(seed=1), response_format=DIGITS, timeout=0.2)
    assert (answer.finish_reason, answer.parsed) == ("timeout", None)
    assert answer.text


def test_end_tokens_are_not_needed_to_end(make: Any) -> None:
    params = SamplingParams(max_tokens=300, ignore_eos=True, seed=1)
    completion = make().generate("p", params, response_format=POINT_FORMAT)
    assert (completion.finish_reason, completion.parsed is not None) == ("stop", True)


def test_a_models_own_validators_may_refuse_what_the_schema_allows(make: Any) -> None:
    class Even(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def _even(cls, x: int) -> int:
            if x % 2:
                raise ValueError("odd")
            return x

    format_of_x = {"type": "regex", "regex": r'\{"x": [0-9]\}'}
    llm = make()
    assert isinstance(llm.generate("p", PARAMS, response_format=Even).parsed, (Even, type(None)))
    for seed in range(4):
        text = llm.generate("p", SamplingParams(seed=seed), response_format=format_of_x).text
        assert re.fullmatch(r'\{"x": [0-9]\}', text)


@pytest.mark.parametrize("template", [CHATML, HERMES, LLAMA3], ids=["generic", "hermes", "llama3"])
def test_a_call_that_must_come_is_valid_in_every_format(make: Any, template: str) -> None:
    llm = make(chat_template=template)
    for seed in range(6):
        completion = llm.chat(ASK, SamplingParams(temperature=1.0, seed=seed, max_tokens=300), **TOOLS)
        (call,) = completion.tool_calls
        assert (completion.finish_reason, completion.text, completion.parsed) == ("tool_calls", "", None)
        assert re.fullmatch("[A-Za-z0-9]{9}", call.id)
        assert json.loads(call.arguments) == call.parsed
        assert set(call.parsed) <= {"city", "unit"}
        assert ("city" in call.parsed) == (call.name == "get_weather")


@pytest.mark.parametrize("template", [CHATML, HERMES, LLAMA3], ids=["generic", "hermes", "llama3"])
def test_a_stream_of_calls_adds_up_to_the_completion(make: Any, template: str) -> None:
    llm = make(chat_template=template)
    for seed in range(4):
        params = SamplingParams(temperature=1.0, seed=seed, max_tokens=400)
        options = {"tools": [WEATHER, TIME], "tool_choice": "required"}
        completion = llm.chat(ASK, params, **options)
        expected = (completion.text, completion.tool_calls, completion.finish_reason)
        if completion.finish_reason == "tool_calls":
            assert joined(llm.stream(ASK, params, **options)) == expected
            assert joined(asyncio.run(collected(llm.astream(ASK, params, **options)))) == expected


def test_ids_of_calls_are_the_same_each_time_and_others_elsewhere(make: Any) -> None:
    llm = make()
    first, again = (llm.chat(ASK, PARAMS, **TOOLS).tool_calls[0] for _ in range(2))
    assert first.id == again.id
    turn = [*ASK, {"role": "assistant", "content": None, "tool_calls": [first]}]
    turn.append({"role": "tool", "tool_call_id": first.id, "content": "sunny"})
    ids = {first.id, llm.chat(turn, PARAMS, **TOOLS).tool_calls[0].id}
    params = SamplingParams(temperature=1.0, seed=4, max_tokens=300, n=3)
    ids |= {completion.tool_calls[0].id for completion in llm.chat(ASK, params, **TOOLS)}
    assert len(ids) == 4


def test_with_auto_there_is_text_or_there_are_valid_calls(make: Any) -> None:
    llm = make(chat_template=LLAMA3)
    for seed in range(8):
        completion = llm.chat(ASK, SamplingParams(temperature=1.0, seed=seed, max_tokens=60), tools=[TIME])
        assert not completion.text.lstrip().startswith("{")
        assert [call.name for call in completion.tool_calls] in ([], ["get_time"])


def test_a_call_that_was_cut_is_left_out(make: Any) -> None:
    params = SamplingParams(temperature=1.0, seed=4, max_tokens=30)
    completion = make().chat(ASK, params, **TOOLS)
    assert (completion.finish_reason, completion.tool_calls, completion.text) == ("length", [], "")


def test_tool_choice_none_reads_nothing_as_a_call(make: Any) -> None:
    llm = make()
    params = SamplingParams(max_tokens=5, seed=1)
    assert llm.chat(ASK, params, tools=[TIME], tool_choice="none") == llm.chat(ASK, params)
    parsed = llm.chat(ASK, PARAMS, tools=[TIME], tool_choice="none", response_format=POINT_FORMAT).parsed
    assert parsed is not None


@pytest.mark.parametrize("template", [CHATML, HERMES, LLAMA3])
@pytest.mark.parametrize("first", ["<", "{"])
def test_with_tools_and_a_form_an_answer_is_calls_or_the_form(make: Any, template: str, first: str) -> None:
    llm, n_whole = make(chat_template=template), 0
    for seed in range(10):
        bias = {ord(first): 50.0}
        params = SamplingParams(temperature=1.0, seed=seed, max_tokens=300, logit_bias=bias)
        completion = llm.chat(ASK, params, tools=[TIME], response_format=POINT_FORMAT)
        text, calls, reason = joined(llm.stream(ASK, params, tools=[TIME], response_format=POINT_FORMAT))
        assert (text, calls, reason) == (completion.text, completion.tool_calls, completion.finish_reason)
        if reason == "length":
            continue
        n_whole += 1
        if first == "<":
            assert {call.name for call in calls} == {"get_time"}
            assert (reason, text, completion.parsed) == ("tool_calls", "", None)
        else:
            assert (reason, calls, completion.parsed) == ("stop", [], json.loads(text))
            assert completion.parsed.keys() == {"x", "ok"}
    assert n_whole > 0


def test_calls_that_are_demanded_leave_no_room_for_the_form(make: Any) -> None:
    completion = make().chat(ASK, PARAMS, **TOOLS, response_format=POINT_FORMAT)
    assert completion.tool_calls
    assert completion.parsed is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"response_format": "json"}, "response_format='json' is not valid"),
        ({"response_format": {"type": "regex", "regex": "("}}, "the regex does not compile"),
        (
            {"tools": [TIME], "response_format": {"type": "grammar", "grammar": 'start: "a"'}},
            "'grammar' and tools cannot be used together",
        ),
        ({"tools": [TIME], "tool_choice": "x"}, "tool_choice='x' is not valid"),
        ({"tool": [TIME]}, "there is no option 'tool'; these are: .*tools"),
    ],
)
def test_wrong_options_are_named(make: Any, options: Any, message: str) -> None:
    llm = make()
    with pytest.raises(InvalidRequestError, match=message):
        llm.chat(ASK, PARAMS, **options)
    with pytest.raises(InvalidRequestError, match=message):
        llm.stream(ASK, PARAMS, **options)


def test_tools_need_messages(make: Any) -> None:
    llm = make()
    for call in (llm.generate, llm.stream):
        with pytest.raises(InvalidRequestError, match="tools needs messages"):
            call("p", PARAMS, tools=[TIME])


def test_a_schema_that_cannot_be_enforced_is_pointed_at(make: Any) -> None:
    llm = make()
    schema = {"properties": {"a": {"oneOf": [{"minimum": 1}, {"type": "integer"}]}}}
    with pytest.raises(SchemaError, match=r"schema at /properties/a: it cannot be enforced: .*oneOf") as caught:
        llm.generate("p", PARAMS, response_format={"type": "json_schema", "json_schema": {"schema": schema}})
    assert caught.value.pointer == "/properties/a"
    function = {"name": "f", "parameters": {"type": "object", **schema}}
    with pytest.raises(SchemaError, match="the tool 'f': schema at /properties/a") as caught:
        llm.chat(ASK, PARAMS, tools=[TIME, {"type": "function", "function": function}])
    assert caught.value.pointer == "/properties/a"
