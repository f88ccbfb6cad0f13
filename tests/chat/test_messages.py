from __future__ import annotations

from typing import Any

import pytest

from llmagentos.chat.messages import checked_messages
from llmagentos.completion import ToolCall
from llmagentos.errors import InvalidRequestError

OK = {"role": "user", "content": "hi"}
RESULT = {"role": "tool", "content": "12:00", "tool_call_id": "1"}


def assistant(**changes: Any) -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'}}
    return {"role": "assistant", "content": None, "tool_calls": [call | changes]}


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "messages is empty"),
        ("hi", "not str"),
        ([OK, "hi"], r"messages\[1\] must be a dict"),
        ([OK, {"content": "hi"}], r"messages\[1\] has no 'role'"),
        ([{"role": "user"}], r"messages\[0\] has no 'content'"),
        ([{"role": "robot", "content": ""}], r"messages\[0\].role='robot'"),
        ([{"role": "user", "content": None}], r"messages\[0\].content must be"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], r"messages\[0\].content\[0\] is not a text part"),
        ([{**OK, "tool_calls": []}], r"messages\[0\] has 'tool_calls'"),
        ([{"role": "assistant", "content": None}], r"messages\[0\].content must be"),
        ([{"role": "assistant", "tool_calls": []}], r"messages\[0\] has no 'content'"),
        ([{"role": "assistant", "tool_calls": "f"}], r"messages\[0\].tool_calls must be a list"),
        ([{"role": "assistant", "tool_calls": ["f"]}], r"messages\[0\].tool_calls\[0\] must be"),
        ([assistant(id=None)], r"tool_calls\[0\].id=None"),
        ([assistant(type="code")], r"tool_calls\[0\] must be"),
        ([assistant(function={"arguments": "{}"})], r"tool_calls\[0\].function="),
        ([assistant(function={"name": "f", "arguments": "[1]"})], "function.arguments='\\[1\\]'"),
        ([assistant(function={"name": "f", "arguments": "{"})], "function.arguments='{'"),
        ([assistant(function={"name": "f"})], "function.arguments=None"),
        ([assistant(), {"role": "tool", "content": "r"}], r"messages\[1\] has no 'tool_call_id'"),
        ([assistant(), RESULT | {"tool_call_id": "2"}], r"messages\[1\].tool_call_id='2' is not valid"),
        ([RESULT, assistant()], r"messages\[0\].tool_call_id='1' is not valid"),
        ([assistant(), RESULT | {"name": 3}], r"messages\[1\].name=3"),
        ([assistant(), {"role": "tool", "tool_call_id": "1"}], r"messages\[1\] has no 'content'"),
    ],
)
def test_what_is_wrong_is_named(messages: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        checked_messages(messages)


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert checked_messages([{"role": "user", "content": parts}]) == [{"role": "user", "content": "ab"}]


def test_calls_have_their_arguments_as_objects_and_results_their_tools_name() -> None:
    function = {"name": "get_time", "arguments": {"zone": "UTC"}}
    call = {"id": "1", "type": "function", "function": function}
    expected = [
        OK,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "12:00", "tool_call_id": "1", "name": "get_time"},
    ]
    assert checked_messages([OK, assistant(), RESULT]) == expected
    assert checked_messages([OK, assistant(function=function), RESULT]) == expected
    assert checked_messages([OK, {"role": "assistant", "content": "x", "tool_calls": None}])[1] == {
        "role": "assistant",
        "content": "x",
    }


def test_the_calls_of_a_completion_can_be_passed_back_as_they_are() -> None:
    call = ToolCall("1", "get_time", '{"zone": "UTC"}', {"zone": "UTC"})
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert checked_messages([message]) == checked_messages([assistant()])
