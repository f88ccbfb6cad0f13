"""/v1/responses with OpenAI's own client."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from .running import Running

GREEDY: dict[str, Any] = {"model": "tiny", "input": "hi", "temperature": 0, "max_output_tokens": 12}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CALL: dict[str, Any] = {"tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False}


class Point(BaseModel):
    x: bool
    y: bool


def test_an_answer_is_that_of_the_chat(client: openai.OpenAI) -> None:
    answer = client.responses.create(**GREEDY, instructions="Be brief.")
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    chat = client.chat.completions.create(model="tiny", messages=messages, temperature=0, max_tokens=12)
    assert answer.output_text == chat.choices[0].message.content
    assert answer.status == ("incomplete" if chat.choices[0].finish_reason == "length" else "completed")
    assert answer.usage is not None
    assert chat.usage is not None
    assert answer.usage.output_tokens == chat.usage.completion_tokens


def test_events_build_up_the_answer(client: openai.OpenAI) -> None:
    whole = client.responses.create(**GREEDY)
    events = list(client.responses.create(**GREEDY, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events if event.type != "response.output_text.delta"]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[4:-1] == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    assert kinds[-1] == f"response.{whole.status}"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    last: Any = events[-1]
    assert last.response.output_text == whole.output_text
    assert last.response.usage.output_tokens == whole.usage.output_tokens  # type: ignore[union-attr]


def test_the_client_accumulates_a_stream(client: openai.OpenAI) -> None:
    with client.responses.stream(**GREEDY | {"max_output_tokens": 200}, text_format=Point) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_response().output_parsed, Point)
    assert isinstance(
        client.responses.parse(**GREEDY | {"max_output_tokens": 200}, text_format=Point).output_parsed, Point
    )


def test_a_call_and_its_result(client: openai.OpenAI) -> None:
    settings = GREEDY | CALL | {"max_output_tokens": 200}
    whole = client.responses.create(**settings)
    (call,) = whole.output
    assert call.type == "function_call"
    assert json.loads(call.arguments)["city"] in ("Paris", "Rome")
    events = list(client.responses.create(**settings, stream=True))
    pieces = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
    assert pieces == call.arguments
    history: Any = [
        {"role": "user", "content": "hi"},
        call.model_dump(exclude_none=True),
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
    ]
    answer = client.responses.create(**GREEDY | {"input": history, "tools": [WEATHER]})
    assert answer.usage is not None
    assert whole.usage is not None
    assert answer.usage.input_tokens > whole.usage.input_tokens


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"background": 0}, "background"),
        ({"top_logprobs": False}, "top_logprobs"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"truncation": "auto"}, "truncation"),
        ({"tool_choice": {"type": "mcp"}, "tools": [WEATHER]}, "tool_choice"),
        ({"input": [{"type": "input_image"}]}, "input"),
        ({"input": []}, "input"),
    ],
)
def test_what_is_not_valid_is_refused(http: httpx.Client, changes: dict[str, Any], text: str) -> None:
    answer = http.post("/v1/responses", json=GREEDY | changes)
    assert answer.status_code == 400
    assert text in answer.json()["error"]["message"]


def test_a_failure_in_a_stream_is_an_event(served: Running, client: openai.OpenAI) -> None:
    with client.responses.create(
        **GREEDY | {"max_output_tokens": None}, stream=True, extra_body={"ignore_eos": True}
    ) as stream:
        events = iter(stream)
        next(events)
        served.engine("tiny")._stepper.fail_all(RuntimeError("broken"))
        last = list(events)[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert "broken" not in last.response.error.message
