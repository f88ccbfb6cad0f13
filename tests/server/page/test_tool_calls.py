"""Tool calls on the page: shown as they come, answered by whoever reads them."""

from __future__ import annotations

import json

import pytest

from .browser import Page
from .stand_in import Answer, StandIn, called, said

pytestmark = pytest.mark.browser

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def test_calls_are_shown_and_their_results_go_back(window: Page, server: StandIn) -> None:
    calls = called(("c1", "weather", ['{"city": ', '"Paris"}']), ("c2", "weather", ['{"city": "Rome"}']))
    server.answers += [Answer(calls), Answer(said("Wet in both."))]
    window.open(tools=json.dumps(TOOLS))
    window.say("How is the weather?")
    window.answered()
    assert server.requests[0]["tools"] == TOOLS
    assert [one.text for one in window.all(".call h3")] == ["Calls weather", "Calls weather"]
    assert [one.text for one in window.all(".call pre")] == ['{\n  "city": "Paris"\n}', '{\n  "city": "Rome"\n}']
    for area, text in zip(window.all(".results textarea"), ('{"rain": true}', "drizzle"), strict=True):
        area.send_keys(text)
    window.picture("tools")
    window.button("Send results").click()
    window.answered(2)
    assert server.requests[1]["messages"] == [
        {"role": "user", "content": "How is the weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}},
                {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"rain": true}'},
        {"role": "tool", "tool_call_id": "c2", "content": "drizzle"},
    ]
    assert "Result of weather" in window.text(".result")


def test_a_call_that_was_cut_is_shown_and_not_sent_on(page: Page, server: StandIn) -> None:
    cut = called(("c1", "weather", ['{"city": ']))
    server.answers += [Answer(cut), Answer(said("Again."))]
    page.say("one")
    page.answered()
    assert page.text(".call pre").strip() == '{"city":'
    assert not page.all(".results")
    page.say("two")
    page.answered(2)
    assert server.requests[1]["messages"] == [{"role": "user", "content": "one\n\ntwo"}]
