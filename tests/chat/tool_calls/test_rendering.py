from __future__ import annotations

import json
import re
from typing import Any

import pytest

from llmagentos.chat.messages import checked_messages
from llmagentos.chat.tool_calls.formats import GENERIC, HERMES, MISTRAL
from llmagentos.chat.tool_calls.parser import ToolCallParser
from llmagentos.chat.tool_calls.rendering import call_text, conversation_of, short_id

from .made import FORMATS, TIME, WEATHER, tool_set

SYSTEM, ASKED = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "What time is it?"}


def called(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "get_time", "arguments": "{}"}}


def result(call_id: str, text: str) -> dict[str, str]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


TURN = checked_messages(
    [
        ASKED,
        {"role": "assistant", "content": "Two calls.", "tool_calls": [called("call_1"), called("call_2")]},
        result("call_1", "12:00"),
        result("call_2", "13:00"),
        {"role": "assistant", "content": "Noon."},
        ASKED,
        {"role": "assistant", "content": None, "tool_calls": [called("call_3")]},
        result("call_3", "14:00"),
    ]
)


def test_a_template_that_knows_tools_gets_messages_and_definitions_as_they_are() -> None:
    conversation = conversation_of(TURN, tool_set(), HERMES, takes_system=True)
    assert conversation.messages == TURN
    assert conversation.tools is not None
    assert [tool["function"]["name"] for tool in conversation.tools] == ["get_weather", "get_time"]
    assert conversation.tools[0]["function"]["parameters"] == WEATHER["function"]["parameters"]
    assert conversation_of(TURN, None, HERMES, takes_system=True).tools is None


def test_templates_that_want_short_ids_get_them_still_matching() -> None:
    messages = conversation_of(TURN, tool_set(), MISTRAL, takes_system=True).messages
    ids = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    assert all(re.fullmatch("[A-Za-z0-9]{9}", call_id) for call_id in ids)
    assert len(set(ids)) == 3
    assert [message["tool_call_id"] for message in messages if message["role"] == "tool"] == ids
    own = checked_messages([{"role": "assistant", "tool_calls": [called("aB3456789")]}])
    assert conversation_of(own, None, MISTRAL, takes_system=True).messages == own


def test_without_tools_in_the_template_turns_are_written_in_plain_words() -> None:
    call = '<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>'
    answers = [f"<tool_response>\n{time}\n</tool_response>" for time in ("12:00", "13:00", "14:00")]
    conversation = conversation_of(TURN, None, GENERIC, takes_system=True)
    assert conversation.tools is None
    assert conversation.messages == [
        ASKED,
        {"role": "assistant", "content": f"Two calls.\n{call}\n{call}"},
        {"role": "user", "content": f"{answers[0]}\n{answers[1]}"},
        {"role": "assistant", "content": "Noon."},
        ASKED,
        {"role": "assistant", "content": call},
        {"role": "user", "content": answers[2]},
    ]


@pytest.mark.parametrize(
    ("messages", "takes_system", "begins", "ends"),
    [
        ([ASKED], True, "You can call functions", "</tool_call>"),
        ([SYSTEM, ASKED], True, "Be brief.\n\nYou can call functions", "</tool_call>"),
        ([ASKED], False, "You can call functions", "</tool_call>\n\nWhat time is it?"),
    ],
)
def test_tools_are_described_where_the_model_will_read_it(
    messages: list[dict[str, Any]], takes_system: bool, begins: str, ends: str
) -> None:
    told = conversation_of(messages, tool_set(), GENERIC, takes_system).messages
    first = told[0]["content"]
    assert first.startswith(begins)
    assert first.endswith(ends)
    assert told[0]["role"] == ("system" if takes_system else "user")
    assert told[-1]["role"] == "user"
    lines = first[first.index("<tools>") : first.index("</tools>")].splitlines()[1:]
    assert [json.loads(line)["function"]["name"] for line in lines] == ["get_weather", TIME["function"]["name"]]


@pytest.mark.parametrize("name", ["hermes", "generic", "llama3"])
def test_calls_are_written_as_they_are_read(name: str) -> None:
    parser = ToolCallParser(FORMATS[name], str)
    parser.push(call_text(FORMATS[name], "f", {"a": "é"}))
    assert [(call.name, call.parsed) for call in parser.calls] == [("f", {"a": "é"})]


def test_ids_are_short_and_depend_on_all_that_they_stand_for() -> None:
    ids = {short_id(bytes([a, b])) for a in range(30) for b in range(30)}
    assert len(ids) == 900
    assert all(re.fullmatch("[A-Za-z0-9]{9}", call_id) for call_id in ids)
