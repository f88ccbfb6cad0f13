"""However an answer is cut into pieces, it is taken apart into the same content and the same calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.chat.tool_calls.formats import ToolFormat
from llmagentos.chat.tool_calls.parser import ToolCallParser
from llmagentos.completion import ToolCall

from .made import FORMATS, call_object, calls_text

by_format = pytest.mark.parametrize("tool_format", FORMATS.values(), ids=FORMATS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
CALLS = st.lists(st.tuples(st.sampled_from(["f", "get_weather", 'a"b']), ARGUMENTS), min_size=1, max_size=3)
FRAGMENTS = [
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<",
    "[",
    "{",
    "}",
    ",",
    "]",
    " ",
    "\n",
    "é",
]
PIECES = [
    *FRAGMENTS,
    '{"name": "f", "arguments": {}}',
    '{"parameters": {"a": [1]}, "name": "f"}',
    '{"name": 1}',
    '"',
    "\\",
    "x",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=30)


def read(tool_format: ToolFormat, pieces: list[str], is_cut: bool = False) -> tuple[str, list[ToolCall]]:
    """Content and calls; what the deltas of each complete call say must be that call."""
    parser = ToolCallParser(tool_format, lambda index: f"call{index}")
    content, begun = "", list[dict[str, Any]]()
    for parsed in [*map(parser.push, pieces), parser.finish(is_cut)]:
        content += parsed.content
        for delta in parsed.deltas:
            if delta.name is not None:
                assert delta.index == len(begun)
                begun.append({"id": delta.id, "name": delta.name, "arguments": ""})
            assert delta.index == len(begun) - 1
            begun[-1]["arguments"] += delta.arguments
    told = {one["id"]: one for one in begun}
    for call in parser.calls:
        assert told[call.id] == {"id": call.id, "name": call.name, "arguments": call.arguments}
        assert json.loads(call.arguments) == call.parsed
    return content, parser.calls


def split(text: str, data: st.DataObject) -> list[str]:
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8), label="cuts"))
    return [text[begin:end] for begin, end in zip([0, *at], [*at, len(text)], strict=True)]


@by_format
@given(text=TEXTS, is_cut=st.booleans(), data=st.data())
def test_any_split_of_any_text_gives_the_same(
    tool_format: ToolFormat, text: str, is_cut: bool, data: st.DataObject
) -> None:
    whole = read(tool_format, [text], is_cut)
    assert read(tool_format, split(text, data), is_cut) == whole
    assert read(tool_format, list(text), is_cut) == whole


@by_format
@given(calls=CALLS, said=st.text(alphabet="abc .\n", max_size=10), data=st.data())
def test_no_call_is_lost_and_none_leaks(
    tool_format: ToolFormat, calls: list[tuple[str, Any]], said: str, data: st.DataObject
) -> None:
    if tool_format.is_bare:
        said, calls = "", calls[:1]
    content, found = read(tool_format, split(said + calls_text(tool_format, *calls), data))
    assert content == said.rstrip()
    assert [(call.name, call.parsed) for call in found] == calls
    assert [call.id for call in found] == [f"call{index}" for index in range(len(calls))]


@by_format
@given(said=st.text(alphabet="abc <[é\n.", max_size=30))
def test_text_without_calls_is_content_to_the_letter(tool_format: ToolFormat, said: str) -> None:
    assert read(tool_format, list(said)) == (said, [])


@by_format
@given(calls=CALLS, data=st.data())
def test_a_cut_answer_keeps_its_whole_calls_and_shows_nothing_of_the_last(
    tool_format: ToolFormat, calls: list[tuple[str, Any]], data: st.DataObject
) -> None:
    calls = calls[:1] if tool_format.is_bare else calls
    text = calls_text(tool_format, *calls)
    end = data.draw(st.integers(0, len(text)))
    content, found = read(tool_format, [text[:end]], is_cut=True)
    assert content == ""
    assert [(call.name, call.parsed) for call in found] == calls[: len(found)]
    assert len(found) == len(calls) or end < len(text)


@by_format
def test_keys_may_come_in_any_order_and_with_any_white_space(tool_format: ToolFormat) -> None:
    key = tool_format.arguments_key
    body = f'{{ "x" : [1, {{}}] ,\n"{key}" :\t{{"a": "}}"}} , "name": "f" }}'
    text = f"{tool_format.opening} {body}{tool_format.closing}"
    content, found = read(tool_format, list(text))
    assert content == ""
    assert [(call.name, call.arguments) for call in found] == [("f", '{"a": "}"}')]


@pytest.mark.parametrize(
    "body", ["hello", "{}", '{"name": "f"}', '{"arguments": {}}', '{"name": 1, "arguments": {}}', ""]
)
def test_what_is_no_call_is_content(body: str) -> None:
    text = f"Say <tool_call> {body}"
    assert read(FORMATS["hermes"], list(text)) == (text, [])


def test_half_an_opening_at_the_end_is_text_unless_the_answer_was_cut() -> None:
    assert read(FORMATS["hermes"], ["a <tool_c"]) == ("a <tool_c", [])
    assert read(FORMATS["hermes"], ["a <tool_c"], is_cut=True) == ("a ", [])


def test_a_bare_call_needs_no_opening() -> None:
    tool_format = FORMATS["llama3"]
    content, found = read(tool_format, list("\n" + call_object(tool_format, "f", {"a": 1})))
    assert (content, [call.parsed for call in found]) == ("", [{"a": 1}])
    assert read(tool_format, ['Use {"name": "f", "parameters": {}}'])[1] == []


def test_arguments_stream_as_they_come() -> None:
    parser = ToolCallParser(FORMATS["hermes"], str)
    pushed = [
        parser.push(piece) for piece in ["<tool_call>\n", '{"name": "f", "argu', 'ments": {"a": "x', 'y"', "}}", "\n"]
    ]
    said = [[(delta.id, delta.name, delta.arguments) for delta in parsed.deltas] for parsed in pushed]
    assert said == [[], [], [("0", "f", '{"a": "x')], [(None, None, 'y"')], [(None, None, "}")], []]
