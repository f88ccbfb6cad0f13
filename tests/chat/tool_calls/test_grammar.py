"""What an answer may be, by format and choice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmagentos.chat.tool_calls.formats import ToolFormat
from llmagentos.chat.tool_calls.grammar import MAX_CALLS, tool_grammar
from tests.structured.acceptance_of_text import takes, tokenizer

from .made import FORMATS, call_object, calls_text, tool_set

SPECIAL = 258  # of the fake tokenizer; stands for the opening where that is a token of its own
PARIS = ("get_weather", {"city": "Paris", "unit": "C"})
NOW = ("get_time", {})

by_format = pytest.mark.parametrize("tool_format", FORMATS.values(), ids=FORMATS)


def grammar(
    tool_format: ToolFormat, choice: str | None = None, parallel: bool = True, special: int | None = None
) -> str:
    return tool_grammar(tool_set(choice, parallel), tool_format, lambda text: special)


@by_format
@pytest.mark.parametrize("call", [PARIS, NOW, ("get_weather", {"city": ""})])
def test_a_valid_call_is_taken(tool_format: ToolFormat, call: tuple[str, object]) -> None:
    text = calls_text(tool_format, call)
    assert takes(grammar(tool_format), text)
    bare = call_object(tool_format, *call)
    assert takes(grammar(tool_format, "required"), bare if tool_format.is_bare else text)


@by_format
@pytest.mark.parametrize("choice", ["auto", "required"])
@pytest.mark.parametrize(
    "call",
    [
        ("get_rain", {}),
        ("get_weather", {}),
        ("get_weather", {"city": 3}),
        ("get_weather", {"city": "Paris", "unit": "K"}),
        ("get_weather", {"city": "far too long"}),
        ("get_time", {"zone": 1}),
        ("get_time", []),
    ],
)
def test_an_invalid_call_is_not(tool_format: ToolFormat, choice: str, call: tuple[str, object]) -> None:
    assert not takes(grammar(tool_format, choice), calls_text(tool_format, call))
    if tool_format.is_bare:
        assert not takes(grammar(tool_format, choice), call_object(tool_format, *call))


@by_format
@pytest.mark.parametrize("text", ["", " \n", "Hello", "a < b [1] é", "Use <tool_cal", "[TOOL_", "<|python_"])
def test_any_other_text_is_taken_unless_a_call_must_be(tool_format: ToolFormat, text: str) -> None:
    assert takes(grammar(tool_format), text)
    assert not takes(grammar(tool_format, "required"), text)


@by_format
def test_after_the_opening_nothing_but_a_call_may_follow(tool_format: ToolFormat) -> None:
    assert not takes(grammar(tool_format), f"{tool_format.opening} is how I call")
    before = "" if tool_format.is_bare else "Let me see. "
    assert takes(grammar(tool_format), before + calls_text(tool_format, NOW))
    assert not takes(grammar(tool_format), calls_text(tool_format, NOW) + " Done.")


@by_format
def test_a_text_that_begins_like_a_bare_call_must_be_one(tool_format: ToolFormat) -> None:
    assert takes(grammar(tool_format), '{"a": 1}') != tool_format.is_bare
    assert takes(grammar(tool_format), '\n {"a": 1}') != tool_format.is_bare


@by_format
def test_several_calls_are_taken_where_the_format_has_them_and_the_caller_wants_them(tool_format: ToolFormat) -> None:
    two = calls_text(tool_format, PARIS, NOW)
    assert takes(grammar(tool_format), two) == tool_format.has_several
    assert not takes(grammar(tool_format, parallel=False), two)
    if tool_format.has_several:
        assert takes(grammar(tool_format), calls_text(tool_format, *[NOW] * MAX_CALLS))
        assert not takes(grammar(tool_format), calls_text(tool_format, *[NOW] * (MAX_CALLS + 1)))


@by_format
def test_a_named_tool_is_the_only_one(tool_format: ToolFormat) -> None:
    texts = [
        call_object(tool_format, *call) if tool_format.is_bare else calls_text(tool_format, call)
        for call in (NOW, PARIS)
    ]
    assert [takes(grammar(tool_format, "get_time"), text) for text in texts] == [True, False]


@pytest.mark.parametrize("name", ["llama3", "mistral"])
def test_an_opening_that_is_a_token_is_written_as_that_token(name: str) -> None:
    tool_format = FORMATS[name]
    text = calls_text(tool_format, NOW).encode()
    ids = [SPECIAL, *text[len(tool_format.opening) :]]
    assert takes(grammar(tool_format, special=SPECIAL), ids)
    assert not takes(grammar(tool_format, special=SPECIAL), [*ids[:2], ord("x")])
    # Spelled out it is no way around the grammar.
    assert not takes(grammar(tool_format, special=SPECIAL), f"{tool_format.opening} is")
    if not tool_format.is_bare:
        assert takes(grammar(tool_format, special=SPECIAL), [*b"Well. ", *ids])
        assert takes(grammar(tool_format, "required", special=SPECIAL), ids)
        assert takes(grammar(tool_format, "required", special=SPECIAL), [SPECIAL, ord(" "), *ids[1:]])


@by_format
def test_grammars_compile_for_names_and_keys_of_any_kind(tool_format: ToolFormat) -> None:
    assert tokenizer().error_of(grammar(tool_format, special=SPECIAL)) == ""


@by_format
def test_an_answer_is_a_call_or_has_the_form(tool_format: ToolFormat) -> None:
    leading = replace(tool_format, leads=True, is_bare=False)
    text = tool_grammar(tool_set(None, True), leading, lambda text: None, 'start: CHOICE\nCHOICE: "yes" | "no"')
    assert takes(text, "yes")
    assert takes(text, calls_text(leading, PARIS))
    assert not takes(text, "maybe")
    assert not takes(text, f"yes{calls_text(leading, PARIS)}")
    assert not takes(text, call_object(leading, *PARIS))
