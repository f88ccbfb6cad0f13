"""/v1/chat/completions with OpenAI's own client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from llmagentos import SamplingParams

from .running import Running

ASK: list[Any] = [{"role": "user", "content": "hi"}]
GREEDY: dict[str, Any] = {"model": "tiny", "messages": ASK, "temperature": 0, "max_tokens": 12}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"enum": ["Paris", "Rome"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
CALL = {"tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 200}


class Point(BaseModel):
    x: bool
    y: bool


def test_an_answer_is_that_of_the_model(client: openai.OpenAI, served: Running) -> None:
    answer = client.chat.completions.create(**GREEDY)
    llm = served.serving.models.loaded["tiny"]
    expected = llm.chat(ASK, SamplingParams(temperature=0, max_tokens=12))
    assert answer.choices[0].message.content == expected.text
    assert answer.choices[0].finish_reason == expected.finish_reason
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == expected.usage.prompt_tokens
    assert answer.usage.completion_tokens == expected.usage.completion_tokens
    assert answer.model == "tiny"


def test_a_stream_adds_up_to_the_answer_and_ends_with_usage(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**GREEDY)
    chunks = list(client.chat.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def test_a_stream_has_no_usage_unasked(client: openai.OpenAI) -> None:
    assert all(chunk.usage is None and chunk.choices for chunk in client.chat.completions.create(**GREEDY, stream=True))


def test_each_event_tells_the_token_counts_where_that_is_asked_for(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True, "continuous_usage_stats": True}
    for chunks in (
        list(client.chat.completions.create(**GREEDY, stream=True, stream_options=options)),
        list(
            client.completions.create(
                model="tiny", prompt="hi", temperature=0, max_tokens=12, stream=True, stream_options=options
            )
        ),
    ):
        counts = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage]
        assert len(counts) == len(chunks)
        assert counts == sorted(counts)
        assert counts[-1] > 1
        assert chunks[-1].choices == []


def test_several_answers_whole_and_streamed(client: openai.OpenAI) -> None:
    settings = {**GREEDY, "temperature": 1.0, "seed": 3, "n": 3}
    whole = client.chat.completions.create(**settings)
    texts = [choice.message.content for choice in whole.choices]
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert len(set(texts)) > 1
    streamed = ["", "", ""]
    for chunk in client.chat.completions.create(**settings, stream=True):
        streamed[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert streamed == texts


def test_logprobs_whole_and_streamed(client: openai.OpenAI) -> None:
    settings = {**GREEDY, "logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**settings).choices[0].logprobs
    assert whole is not None
    assert whole.content is not None
    assert all(len(entry.top_logprobs) == 2 for entry in whole.content)
    assert all(entry.logprob == entry.top_logprobs[0].logprob for entry in whole.content)  # greedy
    streamed: list[Any] = []
    for chunk in client.chat.completions.create(**settings, stream=True):
        streamed += (chunk.choices[0].logprobs.content or []) if chunk.choices[0].logprobs else []
    assert streamed == whole.content


def test_a_tool_is_called_whole_and_streamed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**{**GREEDY, **CALL}).choices[0]
    assert whole.finish_reason == "tool_calls"
    assert whole.message.content is None
    assert whole.message.tool_calls is not None
    (call,) = whole.message.tool_calls
    assert call.type == "function"
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")
    name, arguments, reason, ids = "", "", None, []
    for chunk in client.chat.completions.create(**{**GREEDY, **CALL}, stream=True):
        reason = chunk.choices[0].finish_reason
        for delta in chunk.choices[0].delta.tool_calls or []:
            ids += [delta.id] if delta.id else []
            assert delta.function is not None
            name += delta.function.name or ""
            arguments += delta.function.arguments or ""
    assert (name, arguments, reason, ids) == ("get_weather", call.function.arguments, "tool_calls", [call.id])


def test_a_conversation_goes_on_with_a_result(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(**{**GREEDY, **CALL}).choices[0].message
    assert first.tool_calls is not None
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny"}
    answer = client.chat.completions.create(**{**GREEDY, "messages": [*ASK, first, result], "tools": [WEATHER]})
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 10


def test_parse_gives_an_object_of_the_model(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(**{**GREEDY, "max_tokens": 100}, response_format=Point)
    assert isinstance(answer.choices[0].message.parsed, Point)


def test_stop_seed_and_bias(client: openai.OpenAI) -> None:
    text = client.chat.completions.create(**GREEDY).choices[0].message.content or ""
    stopped = client.chat.completions.create(**GREEDY, stop=text[2:4]).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == (text[: text.index(text[2:4])], "stop")
    drawn = [
        client.chat.completions.create(**{**GREEDY, "temperature": 2.0}, seed=seed).choices[0].message.content
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    biased = client.chat.completions.create(**{**GREEDY, "max_tokens": 3}, logit_bias={"50": 100}, logprobs=True)
    assert biased.choices[0].logprobs is not None
    assert biased.choices[0].logprobs.content is not None
    assert len({entry.token for entry in biased.choices[0].logprobs.content}) == 1


def test_the_asynchronous_client_runs_many_at_once(served: Running, client: openai.OpenAI) -> None:
    expected = client.chat.completions.create(**GREEDY).choices[0].message.content

    async def ask() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none") as many:
            answers = await asyncio.gather(*(many.chat.completions.create(**GREEDY) for _ in range(20)))
            return [answer.choices[0].message.content for answer in answers]

    assert asyncio.run(ask()) == [expected] * 20


@pytest.mark.parametrize(
    ("changes", "param", "text"),
    [
        ({"temperature": 3e9}, "temperature", "temperature=3000000000.0 is not valid"),
        ({"temperature": "hot"}, "temperature", "'hot'"),
        ({"n": 0}, "n", "n=0 is not valid"),
        ({"colour": "red"}, "colour", "colour is not a field that is known here"),
        ({"messages": []}, "messages", "at least 1 item"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role", "'wizard'"),
        ({"top_logprobs": 2}, "top_logprobs", "needs logprobs"),
        ({"stream_options": {}}, "stream_options", "needs stream"),
        ({"logit_bias": {"x": 1}}, None, "'x', which is no token id"),
        ({"logit_bias": {"100000": 1}}, None, "does not exist"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens", "contradicts"),
        ({"response_format": {"type": "xml"}}, "response_format", "'xml'"),
        ({"tool_choice": "required"}, "tool_choice", "there are none"),
        ({"stream": True, "num_beams": 2}, "num_beams", "not valid for a stream"),
        ({"messages": [{"role": "user", "content": "long " * 2000}]}, None, "more than the context"),
        (
            {"messages": [{"role": "user", "content": "long " * 2000}]},
            None,
            "This model's maximum context length is 2048 tokens",
        ),
    ],
)
def test_what_is_not_valid_is_refused(
    http: httpx.Client, changes: dict[str, Any], param: str | None, text: str
) -> None:
    answer = http.post("/v1/chat/completions", json=GREEDY | changes)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert text in error["message"]


def test_a_model_that_there_is_not(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"no model '\.\./\.\./etc/passwd'") as caught:
        client.chat.completions.create(**GREEDY | {"model": "../../etc/passwd"})
    assert caught.value.code == "model_not_found"


def test_fields_without_effect_are_taken(client: openai.OpenAI) -> None:
    settings: Any = {"user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "logprobs": False}
    answer = client.chat.completions.create(**GREEDY, **settings)
    assert answer.choices[0].logprobs is None
