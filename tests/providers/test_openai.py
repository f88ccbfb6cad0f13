"""OpenAI's protocol over real connections: what is sent, and what becomes of the answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from llmagentos import LLM, Completion, InvalidRequestError, ProviderError, SamplingParams, ToolCall, Usage
from llmagentos.cli import main
from tests.providers.conftest import KEY
from tests.providers.stand_in import Reply, StandIn

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}}
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "tells it",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}


def answer(content: str | None = "Hi.", reason: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content, **message}}
    return {"id": "c", "object": "chat.completion", "choices": [choice], "usage": USAGE}


def call(id: str, name: str, arguments: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def piece(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None}


ENDING = [{"choices": [], "usage": USAGE}, b"data: [DONE]\n\n"]


@pytest.fixture
def llm(server: StandIn) -> LLM:
    """A server of OpenAI's protocol that is not OpenAI's."""
    return LLM(f"{server.url}/v1#some/model")


@pytest.fixture
def openai(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> LLM:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    return LLM("openai:gpt-6.1-terra")


def test_a_chat_is_a_completion_with_usage(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer()))
    found = llm.chat(HELLO)
    assert found == Completion("Hi.", [], None, "stop", Usage(7, 3))
    assert found.usage.cached_tokens == 4
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {"model": "some/model", "messages": HELLO}  # sampling is left to the service
    assert llm.info.name == f"{server.url}/v1#some/model"
    assert repr(llm) == f"LLM('{server.url}/v1#some/model')"


def test_generate_text_asks_as_a_chat(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer("Hello to you.")))
    assert llm.generate_text("Hello", max_length=9) == "Hello to you."
    assert server.requests[0].body == {"model": "some/model", "messages": HELLO, "max_tokens": 9}


def test_sampling_is_sent_under_the_protocols_names(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer()))
    params = SamplingParams(
        max_tokens=5, stop="x", seed=3, presence_penalty=0.5, frequency_penalty=-0.5, logit_bias={7: 2.0}
    )
    llm.chat(HELLO, params)
    sent = {name: value for name, value in server.requests[0].body.items() if name not in ("model", "messages")}
    assert sent == {
        "temperature": 1.0,  # what was asked for, though the server may have another default
        "top_p": 1.0,
        "max_tokens": 5,
        "stop": ["x"],
        "seed": 3,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "logit_bias": {"7": 2.0},
    }


@pytest.mark.parametrize("given", [{}, {"temperature": 1.0, "seed": 3}])
def test_the_command_sends_the_options_that_were_given_alone(
    server: StandIn, given: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    server.will(Reply(answer("Hi.")))
    options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    with pytest.raises(SystemExit) as ended:
        main(["generate", "Hello", "--model", f"{server.url}/v1#some/model", "--json", "-n", "5", *options])
    assert ended.value.code in (0, None)
    assert json.loads(capsys.readouterr().out)["text"] == "Hi."
    assert server.requests[0].body == {"model": "some/model", "messages": HELLO, "max_tokens": 5, **given}


def test_openai_itself_is_not_told_its_own_defaults(openai: LLM, server: StandIn) -> None:
    server.will(Reply(answer()))
    openai.chat(HELLO, SamplingParams(max_tokens=5))
    request = server.requests[0]
    assert request.body == {"model": "gpt-6.1-terra", "messages": HELLO, "max_completion_tokens": 5}
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "params", [{"top_k": 5}, {"min_p": 0.1}, {"logprobs": 2}, {"num_beams": 2}, {"ignore_eos": True}, {"best_of": 2}]
)
def test_what_the_protocol_has_no_setting_for_is_refused(llm: LLM, server: StandIn, params: dict[str, Any]) -> None:
    (name,) = params
    with pytest.raises(InvalidRequestError, match=rf"^{name}=.* is not possible: 127\.0\.0\.1:\d+ has no such setting"):
        llm.chat(HELLO, SamplingParams(**params))
    assert not server.requests


def test_several_answers_are_a_list(llm: LLM, server: StandIn) -> None:
    reply = answer()
    reply["choices"].append({**reply["choices"][0], "index": 1, "message": {"role": "assistant", "content": "Hey."}})
    server.will(Reply(reply))
    found: Any = llm.chat(HELLO, SamplingParams(n=2))
    assert [one.text for one in found] == ["Hi.", "Hey."]
    assert server.requests[0].body["n"] == 2


def test_a_list_of_conversations_keeps_its_order(llm: LLM, server: StandIn) -> None:
    server.will(*(Reply(answer(), delay=0.1 - 0.02 * i) for i in range(4)), Reply(answer()))
    talks = [[{"role": "user", "content": str(i)}] for i in range(12)]
    assert len(llm.chat(talks)) == 12
    assert {request.body["messages"][0]["content"] for request in server.requests} == {str(i) for i in range(12)}
    with pytest.raises(InvalidRequestError, match=r"^conversation 1: messages\[0\] has no 'role'"):
        llm.chat([HELLO, [{"content": "x"}]])


def test_tools_are_described_called_and_answered(llm: LLM, server: StandIn) -> None:
    calls = [call("a1", "weather", '{"city": "Oslo"}'), call("a2", "clock", "")]
    server.will(Reply(answer(None, "tool_calls", tool_calls=calls)), Reply(answer("Cold.")))
    found = llm.chat(HELLO, tools=[WEATHER, CLOCK], parallel_tool_calls=False)
    assert found.finish_reason == "tool_calls"
    assert found.tool_calls == [
        ToolCall("a1", "weather", '{"city": "Oslo"}', {"city": "Oslo"}),
        ToolCall("a2", "clock", "{}", {}),
    ]
    body = server.requests[0].body
    assert body["tools"][0] == WEATHER
    assert body["tools"][1]["function"]["parameters"]["type"] == "object"
    assert body["parallel_tool_calls"] is False
    assert "tool_choice" not in body
    results = [{"role": "tool", "tool_call_id": id, "content": "3"} for id in ("a1", "a2")]
    talk = [*HELLO, {"role": "assistant", "content": None, "tool_calls": found.tool_calls}, *results]
    assert llm.chat(talk, tools=[WEATHER, CLOCK]).text == "Cold."
    sent = server.requests[1].body["messages"]
    assert sent[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("a1", "weather", '{"city": "Oslo"}'), call("a2", "clock", "{}")],
    }
    assert sent[2] == {"role": "tool", "tool_call_id": "a1", "content": "3"}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", "required"),
        ("clock", {"type": "function", "function": {"name": "clock"}}),
        ({"type": "function", "function": {"name": "clock"}}, {"type": "function", "function": {"name": "clock"}}),
    ],
)
def test_a_tool_can_be_demanded(llm: LLM, server: StandIn, choice: Any, sent: Any) -> None:
    server.will(Reply(answer(None, "stop", tool_calls=[call("a", "clock", "{}")])))
    assert llm.chat(HELLO, tools=[WEATHER, CLOCK], tool_choice=choice).finish_reason == "tool_calls"
    assert server.requests[0].body["tool_choice"] == sent


@pytest.mark.parametrize(
    ("options", "sent"),
    [({}, "required"), ({"parallel_tool_calls": False}, {"type": "function", "function": {"name": "clock"}})],
)
def test_a_single_tool_that_is_demanded_may_be_called_several_times(
    llm: LLM, server: StandIn, options: dict[str, Any], sent: Any
) -> None:
    server.will(Reply(answer(None, "stop", tool_calls=[call("a", "clock", "{}"), call("b", "clock", "{}")])))
    llm.chat(HELLO, tools=[CLOCK], tool_choice="required", **options)
    assert server.requests[0].body["tool_choice"] == sent


def test_tools_that_may_not_be_called_are_not_sent(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer()))
    llm.chat(HELLO, tools=[WEATHER], tool_choice="none")
    assert "tools" not in server.requests[0].body


@pytest.mark.parametrize(("model", "effort"), [("gpt-4.1", None), ("gpt-5.4-mini", "none"), ("gpt-6-luna", "none")])
def test_models_that_reason_are_told_not_to_where_chats_take_tools_only_so(
    openai: LLM, server: StandIn, model: str, effort: str | None
) -> None:
    server.will(Reply(answer()))
    LLM(f"openai:{model}").chat(HELLO, tools=[{**CLOCK, "function": {"name": "clock", "strict": True}}])
    body = server.requests[0].body
    assert body.get("reasoning_effort") == effort
    assert body["tools"][0]["function"]["strict"] is True


def test_arguments_that_are_no_object_are_an_error_unless_the_answer_was_cut(llm: LLM, server: StandIn) -> None:
    calls = [call("a", "clock", "{}"), call("b", "weather", '{"city": "Os')]
    server.will(
        Reply(answer(None, "length", tool_calls=calls)),
        Reply(answer(None, "tool_calls", tool_calls=calls)),
        Reply(answer(None, "tool_calls", tool_calls=[call("a", "clock", "[]")])),
    )
    cut = llm.chat(HELLO, tools=[WEATHER, CLOCK])
    assert [one.name for one in cut.tool_calls] == ["clock"]
    assert cut.finish_reason == "length"
    for _ in range(2):
        with pytest.raises(ProviderError, match=r"called the tool '(weather|clock)' with .* no JSON object"):
            llm.chat(HELLO, tools=[WEATHER, CLOCK])


class City(BaseModel):
    name: str
    people: int | None = None


def test_an_answer_in_a_form_is_parsed(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer('{"name": "Oslo", "people": 7}')))
    assert llm.chat(HELLO, response_format=City).parsed == City(name="Oslo", people=7)
    form = server.requests[0].body["response_format"]
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "City", True)
    assert form["json_schema"]["schema"]["required"] == ["name"]
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    wrapped = {"type": "json_schema", "json_schema": {"name": "my city", "schema": schema}}
    assert llm.chat(HELLO, response_format=wrapped).parsed == {"name": "Oslo", "people": 7}
    assert server.requests[1].body["response_format"]["json_schema"] == {
        "name": "my_city",
        "schema": schema,
        "strict": True,
    }
    assert llm.chat(HELLO, response_format={"type": "json_object"}).parsed["people"] == 7
    assert server.requests[2].body["response_format"] == {"type": "json_object"}


def test_openai_gets_a_models_fields_as_required_ones(openai: LLM, server: StandIn) -> None:
    server.will(Reply(answer('{"name": "Oslo", "people": null}')))
    assert openai.chat(HELLO, response_format=City).parsed == City(name="Oslo")
    schema = server.requests[0].body["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["name", "people"]
    assert schema["additionalProperties"] is False
    assert "default" not in json.dumps(schema)


def test_an_answer_that_breaks_its_form_is_an_error_and_one_that_was_cut_is_not(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer('{"name": "Os', "length")), Reply(answer("Oslo it is")), Reply(answer('{"name": 3}')))
    assert llm.chat(HELLO, response_format=City).parsed is None
    with pytest.raises(ProviderError, match="answered 'Oslo it is', which is not the JSON that was asked for"):
        llm.chat(HELLO, response_format=City)
    assert llm.chat(HELLO, response_format=City).parsed is None  # JSON, and refused by the model's validators


@pytest.mark.parametrize("form", [{"type": "regex", "regex": "a+"}, {"type": "choice", "choices": ["a"]}])
def test_forms_that_the_protocol_does_not_have_are_refused(llm: LLM, server: StandIn, form: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=r"response_format=.* is not possible"):
        llm.chat(HELLO, response_format=form)
    assert not server.requests


def test_a_refusal_says_so(llm: LLM, server: StandIn) -> None:
    server.will(Reply(answer(None, "stop", refusal="I cannot help with that.")))
    found = llm.chat(HELLO, response_format=City)
    assert (found.text, found.finish_reason, found.parsed) == ("I cannot help with that.", "content_filter", None)


def test_a_stream_gives_pieces_and_then_the_end(llm: LLM, server: StandIn) -> None:
    server.will(Reply(events=[piece({"role": "assistant"}), *map(word, ("Hel", "lo")), piece({}, "stop"), *ENDING]))
    chunks = list(llm.stream(HELLO))
    assert [chunk.text for chunk in chunks] == ["Hel", "lo", ""]
    assert [chunk.finish_reason for chunk in chunks] == [None, None, "stop"]
    assert [chunk.usage for chunk in chunks] == [None, None, Usage(7, 3)]
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


def word(text: str) -> dict[str, Any]:
    return piece({"content": text})


def test_a_stream_puts_tool_calls_together(llm: LLM, server: StandIn) -> None:
    def part(index: int, arguments: str, **first: Any) -> dict[str, Any]:
        function = {"arguments": arguments, **({"name": first.pop("name")} if "name" in first else {})}
        return piece({"tool_calls": [{"index": index, "function": function, **first}]})

    events = [
        part(0, "", id="a1", name="weather"),
        part(0, '{"city":'),
        part(0, ' "Oslo"}'),
        part(1, "", id="a2", name="clock"),
        piece({}, "tool_calls"),
        *ENDING,
    ]
    server.will(Reply(events=events))
    chunks = list(llm.stream(HELLO, tools=[WEATHER, CLOCK]))
    pieces = [one for chunk in chunks for one in chunk.tool_calls]
    assert [(one.index, one.id, one.name) for one in pieces if one.id] == [(0, "a1", "weather"), (1, "a2", "clock")]
    joined = {index: "".join(one.arguments for one in pieces if one.index == index) for index in (0, 1)}
    assert joined == {0: '{"city": "Oslo"}', 1: "{}"}
    assert chunks[-1].finish_reason == "tool_calls"


def test_closing_a_stream_ends_the_connection(llm: LLM, server: StandIn) -> None:
    server.will(Reply(events=[word("x")] * 400, gap=0.01))
    stream: Any = llm.stream(HELLO)
    assert next(stream).text == "x"
    stream.close()
    assert server.hung_up.wait(5)


def test_a_stream_that_breaks_off_is_an_error_after_what_came(llm: LLM, server: StandIn) -> None:
    broken = [
        Reply(events=[word("x")], drop=True),
        Reply(events=[word("x"), b"data: [DONE]\n\n"]),
        Reply(events=[word("x"), b"data: {broken\n\n"]),
        Reply(events=[word("x"), {"error": {"message": "out of order"}}]),
    ]
    server.will(*broken)
    messages = ["broke off", "broke off its answer before the end", "not OpenAI's protocol", "out of order"]
    for message in messages:
        stream = llm.stream(HELLO)
        assert next(iter(stream)).text == "x"
        with pytest.raises(ProviderError, match=message):
            list(stream)
    assert len(server.requests) == len(messages)  # what has begun is not begun again


def test_a_text_is_continued_where_the_service_can(llm: LLM, server: StandIn) -> None:
    text = {"choices": [{"index": 0, "text": " blue.", "finish_reason": "length"}], "usage": USAGE}
    streamed = [{"choices": [{"index": 0, "text": " blue", "finish_reason": "length"}]}, *ENDING]
    server.will(Reply(text), Reply(events=streamed), Reply(text))
    params = SamplingParams(max_tokens=3)
    assert llm.generate("The sky is", params).text == " blue."
    assert server.requests[0].path == "/v1/completions"
    assert server.requests[0].body["prompt"] == "The sky is"
    assert [chunk.text for chunk in llm.stream("The sky is", params)] == [" blue", ""]
    assert [one.text for one in llm.generate(["a", "b"], params)] == [" blue."] * 2
    with pytest.raises(InvalidRequestError, match="prompt 1: token ids are not possible"):
        llm.generate(["a", [1, 2]])
    with pytest.raises(InvalidRequestError, match=r"response_format=.* is not possible: .* a text that is continued"):
        llm.generate("a", response_format=City)


def test_embeddings_come_in_order_and_in_batches(llm: LLM, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagentos.providers.openai.OpenAIService.embed_batch", 2)
    rows = [{"index": 1, "embedding": [0.0, 2.0]}, {"index": 0, "embedding": [3.0, 4.0]}]
    server.will(Reply({"data": rows}))
    assert llm.embed(["a", "b"]).tolist() == [[3.0, 4.0], [0.0, 2.0]]
    assert server.requests[0].body["input"] == ["a", "b"]
    found = llm.embed(["a", "b", "c", "d"], normalize=True)
    assert found.dtype == np.float32
    assert np.allclose(found, [[0.6, 0.8], [0, 1]] * 2)
    with pytest.raises(ProviderError, match="answered 1 texts with 2 embeddings"):
        llm.embed("a")
    with pytest.raises(InvalidRequestError, match="text 1: token ids are not possible"):
        llm.embed(["a", [1]])
    with pytest.raises(InvalidRequestError, match="truncate=True is not possible"):
        llm.embed("a", truncate=True)
    assert llm.embed([]).shape == (0, 0)


def test_what_is_not_the_protocol_is_an_error(llm: LLM, server: StandIn) -> None:
    bodies = [
        b"{broken",
        b"[]",
        {"choices": []},
        {"choices": [{"message": {"content": 3}, "finish_reason": "stop"}]},
        answer(reason="tired"),
    ]
    server.will(*map(Reply, bodies), Reply(b"<html>", headers={"content-type": "text/html"}))
    for _ in range(len(bodies) + 1):
        with pytest.raises(ProviderError, match=r"not OpenAI's protocol|a reason that its protocol does not have") as e:
            llm.chat(HELLO)
        assert not e.value.retryable
    assert len(server.requests) == len(bodies) + 1
