"""What requests for chat completions say, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos import SamplingParams
from llmagentos.errors import InvalidRequestError
from llmagentos.openai_protocol.request import read_request

ASK: list[Any] = [{"role": "user", "content": "hi"}]
CALL: Any = {"id": "c1", "type": "function", "function": {"name": "count", "arguments": "{}"}}
RECOMMENDED = SamplingParams(temperature=0.6, top_p=0.9)


def arguments(**fields: Any) -> tuple[list[dict[str, Any]], SamplingParams | None, dict[str, Any]]:
    return read_request({"model": "m", "messages": ASK, **fields}).arguments(RECOMMENDED)


def test_a_request_that_says_nothing_of_sampling_leaves_it_to_the_model() -> None:
    assert arguments(temperature=None, logprobs=False) == (ASK, None, {})
    off: Any = {"audio": None, "functions": None, "reasoning_effort": "none", "prompt_cache_options": {}}
    assert arguments(**off) == (ASK, None, {})


def test_what_is_left_open_is_as_the_model_recommends() -> None:
    _, params, _ = arguments(top_p=0.5, max_completion_tokens=7, logprobs=True, top_logprobs=3, stop="x", n=2)
    assert params == SamplingParams(temperature=0.6, top_p=0.5, max_tokens=7, logprobs=3, stop="x", n=2)
    assert arguments(logit_bias={"5": 1})[1] == SamplingParams(temperature=0.6, top_p=0.9, logit_bias={5: 1})


def test_messages_as_clients_send_answers_back() -> None:
    answer = {"role": "assistant", "content": None, "refusal": None, "annotations": [], "audio": None}
    result = {"role": "tool", "tool_call_id": "c1", "content": "3"}
    messages, _, _ = arguments(
        messages=[
            {"role": "developer", "content": "Be brief.", "name": "me"},
            {"role": "user", "content": "hi", "type": "text"},
            answer,
            answer | {"refusal": "no"},
            answer | {"tool_calls": [CALL]},
            result,
        ]
    )
    assert messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "no"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        result,
    ]


def test_the_form_of_answers() -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "count"}}]
    assert arguments(tools=tools, tool_choice="auto", parallel_tool_calls=False)[2] == {
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }
    assert arguments(tools=[], tool_choice="auto", parallel_tool_calls=True)[2] == {}
    assert arguments(response_format={"type": "json_object"})[2] == {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"colour": "red"}, "colour is not a field that is known here"),
        ({"verbosity": "low"}, "verbosity='low' is not valid"),
        ({"messages": [{"content": "hi"}]}, "messages.0.role is missing"),
        ({"messages": [{"role": "user", "content": "hi", "type": "image"}]}, "messages.0.type='image' is not valid"),
        ({"temperature": "hot"}, "temperature='hot' is not valid"),
        ({"stop": 5}, "stop=5 is not valid: Input should be a valid string, or a valid list"),
        ({"stop": ["a", 5]}, "stop.1=5 is not valid: Input should be a valid string"),
        ({"temperature": -1}, "temperature=-1"),
        ({"top_logprobs": 2}, "top_logprobs=2 needs logprobs=true"),
        ({"stream_options": {"include_usage": True}}, r"stream_options=\{'include_usage': True\} needs stream=true"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens=1 contradicts max_completion_tokens=2"),
    ],
)
def test_what_is_not_valid_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        arguments(**fields)
