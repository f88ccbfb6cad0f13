from __future__ import annotations

from typing import Any

import pytest

from llmagentos.chat.tool_calls.tools import tool_set_of
from llmagentos.errors import InvalidRequestError, SchemaError

from .made import TIME, WEATHER


def changed(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {**WEATHER["function"], **function}}


@pytest.mark.parametrize(
    ("choice", "callable_names", "must_call"),
    [
        (None, ["get_weather", "get_time"], False),
        ("auto", ["get_weather", "get_time"], False),
        ("required", ["get_weather", "get_time"], True),
        ("get_time", ["get_time"], True),
        ({"type": "function", "function": {"name": "get_weather"}}, ["get_weather"], True),
    ],
)
def test_the_choice_says_what_may_and_what_must_be_called(
    choice: Any, callable_names: list[str], must_call: bool
) -> None:
    made = tool_set_of([WEATHER, TIME], choice, True)
    assert made is not None
    assert [tool.name for tool in made.tools] == ["get_weather", "get_time"]
    assert [tool.name for tool in made.callable_tools] == callable_names
    assert made.must_call == must_call
    assert made.several == (len(callable_names) > 1)


@pytest.mark.parametrize(("tools", "choice"), [(None, None), ([], "auto"), (None, "none"), ([WEATHER], "none")])
def test_nothing_may_be_called_without_tools_or_by_choice(tools: Any, choice: Any) -> None:
    assert tool_set_of(tools, choice, True) is None


def test_one_call_only_where_calls_are_not_to_be_parallel() -> None:
    made = tool_set_of([WEATHER], None, False)
    assert made is not None
    assert not made.several


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    made = tool_set_of([TIME], None, True)
    assert made is not None
    assert made.tools[0].parameters == {"type": "object", "properties": {}, "additionalProperties": False}
    assert made.tools[0].definition["function"]["description"] == ""


@pytest.mark.parametrize(
    ("tools", "choice", "parallel", "message"),
    [
        ("get_time", None, True, "tools must be a list of dicts, not str"),
        ([changed(name=f"f{n}") for n in range(513)], None, True, "there are 513 tools, at most 512 may be given"),
        (["get_time"], None, True, r"tools\[0\] must be"),
        ([{"type": "retrieval"}], None, True, r"tools\[0\] must be"),
        ([{"type": "function"}], None, True, r"tools\[0\].function must be a dict"),
        ([{**TIME, "id": 1}], None, True, r"tools\[0\] has 'id'"),
        ([changed(returns={})], None, True, r"tools\[0\].function has 'returns'"),
        ([changed(name="get weather")], None, True, r"function.name='get weather' is not valid"),
        ([changed(name=None)], None, True, r"function.name=None is not valid"),
        ([changed(description=1)], None, True, "function.description=1"),
        ([changed(strict="yes")], None, True, "function.strict='yes'"),
        ([TIME, TIME], None, True, r"tools\[1\] has the name 'get_time', which another"),
        ([TIME], "get_tim", True, "tool_choice='get_tim' is not valid.*the tools are: get_time"),
        ([TIME], {"type": "function"}, True, "tool_choice=.* is not valid"),
        ([TIME], {"type": "function", "function": {"name": "x"}}, True, "tool_choice=.* is not valid"),
        (None, "required", True, "tool_choice='required' needs tools"),
        ([TIME], None, "no", "parallel_tool_calls='no' is not valid"),
    ],
)
def test_what_is_wrong_is_named(tools: Any, choice: Any, parallel: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        tool_set_of(tools, choice, parallel)


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"type": "object", "properties": {"a": {"not": {}}}}, "/properties/a/not"),
        ({"type": "array"}, "/type"),
        ({}, ""),
        ([], ""),
    ],
)
def test_parameters_are_pointed_at(parameters: Any, pointer: str) -> None:
    with pytest.raises(SchemaError, match=r"tools\[1\].function.parameters: ") as caught:
        tool_set_of([TIME, changed(parameters=parameters)], None, True)
    assert caught.value.pointer == pointer
