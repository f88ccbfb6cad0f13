"""Talking with a model in the browser."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from .browser import Page
from .stand_in import Answer, StandIn, said

pytestmark = pytest.mark.browser


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def kept(page: Page) -> list[dict[str, Any]]:
    """The conversations in the browser's storage."""
    code = "return Object.entries(localStorage).filter(([key]) => key.startsWith('llmagentos.chat.'))"
    return [json.loads(text) for _, text in page.script(code)]


def test_an_answer_streams_and_is_counted(page: Page, server: StandIn) -> None:
    go_on = threading.Event()
    # The last words come later than the others, so that there is a speed.
    server.answers.append(Answer(said("Rain is water 水 that falls."), go_on=go_on, n_before=5))
    page.say("What is rain?\nBriefly.")
    page.wait(lambda: "Rain is water 水" in page.text(".assistant"))
    assert page.all(".assistant.running")
    assert not page.find("#send").is_displayed()
    go_on.set()
    page.answered()
    assert page.text(".user .said") == "What is rain?\nBriefly."
    assert page.text(".assistant .markdown:not(.reasoning *)") == "Rain is water 水 that falls."
    facts = page.text(".facts")
    assert "6 tokens" in facts
    assert "tokens/s" in facts
    assert "31 in (16 from cache)" in facts
    assert server.requests == [
        {
            "model": "small",
            "messages": [user("What is rain?\nBriefly.")],
            "max_tokens": 1024,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


def test_a_conversation_goes_on_with_what_was_said(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("one")), Answer(said("two"))]
    page.say("first")
    page.answered()
    page.say("second")
    page.answered(2)
    assert server.requests[1]["messages"] == [user("first"), assistant("one"), user("second")]


def test_stop_ends_the_request_and_keeps_what_was_said(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("as far as this"), go_on=threading.Event()), Answer(said("more"))]
    page.say("go")
    page.wait(lambda: "this" in page.text(".assistant"))
    page.type_key(Keys.ESCAPE)
    page.answered()
    assert server.left.wait(5)
    assert "Stopped." in page.text(".assistant")
    page.say("on")
    page.answered(2)
    assert server.requests[1]["messages"][1] == assistant("as far as this")


def test_regenerate_asks_the_same_again(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("worse")), Answer(said("better"))]
    page.say("tell me")
    page.answered()
    page.button("Answer again").click()
    page.wait(lambda: "better" in page.text(".assistant"))
    page.answered()
    assert server.requests[1] == server.requests[0]
    assert "worse" not in page.text("#messages")


def test_an_edited_message_replaces_it_and_what_followed(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("a")), Answer(said("b")), Answer(said("c"))]
    for n, text in enumerate(("one", "two"), 1):
        page.say(text)
        page.answered(n)
    page.find("#composer textarea").send_keys(Keys.ARROW_UP)
    area = page.find(".edit textarea")
    assert area.get_property("value") == "two"
    area.send_keys(Keys.ESCAPE)
    assert not page.all(".edit")
    page.script("document.querySelector('.user [aria-label=Edit]').click()")
    page.find(".edit textarea").send_keys(" more", Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: "c" in page.text("#messages"))
    page.answered(1)
    assert server.requests[2]["messages"] == [user("one more")]


@pytest.mark.parametrize(
    ("answer", "said_of_it"),
    [
        (Answer(status=400, error="temperature=9 is not valid"), "The answer failed: temperature=9 is not valid"),
        (Answer(status=503, error="too many", headers={"Retry-After": "7"}), "too many (try again in 7 s)"),
        (Answer(said("half of"), breaks_off=True), "the connection ended before the answer did"),
        (Answer([*said("half")[:2], {"error": {"message": "out of memory"}}]), "The answer failed: out of memory"),
        (Answer(said("cut", finish="length")), "Cut short"),
    ],
)
def test_what_went_wrong_is_said(page: Page, server: StandIn, answer: Answer, said_of_it: str) -> None:
    server.answers.append(answer)
    page.say("try")
    page.answered()
    assert said_of_it in page.text(".assistant .note")


def test_after_a_failure_the_next_message_joins_the_one_that_failed(page: Page, server: StandIn) -> None:
    server.answers += [Answer(status=500, error="no"), Answer(said("yes"))]
    page.say("one")
    page.answered()
    page.say("two")
    page.answered(2)
    assert server.requests[1]["messages"] == [user("one\n\ntwo")]


def test_conversations_are_kept_opened_and_deleted(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("a")), Answer(said("b")), Answer(said("c"))]
    page.say("about rain")
    page.answered()
    page.click("#new-chat")
    assert "What would you like to know?" in page.text("#messages")
    page.say("about snow")
    page.answered()
    assert [one.text for one in page.all("#chats .chat")] == ["about snow", "about rain"]
    page.driver.refresh()
    page.wait(lambda: len(page.all("#chats .chat")) == 2)
    page.all("#chats .chat")[1].click()
    assert page.text(".user .said") == "about rain"
    assert page.driver.title == "about rain · llmagentos"
    page.say("more")
    page.answered(2)
    assert server.requests[2]["messages"] == [user("about rain"), assistant("a"), user("more")]
    page.script("document.querySelector('#chats [aria-label^=Delete]').click()")
    page.driver.switch_to.alert.accept()
    page.wait(lambda: len(kept(page)) == 1)
    assert kept(page)[0]["messages"][0]["content"] == "about snow"


def test_an_answer_that_is_left_for_another_conversation_is_stopped(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("half"), go_on=threading.Event()), Answer(said("whole"))]
    page.say("one")
    page.wait(lambda: "half" in page.text(".assistant"))
    page.click("#new-chat")
    assert server.left.wait(5)
    page.say("two")
    page.answered()
    page.wait(lambda: {one["messages"][1].get("finish") for one in kept(page)} == {"stopped", "stop"})


def test_enter_that_ends_a_composition_sends_nothing(page: Page, server: StandIn) -> None:
    page.script(
        """const area = document.querySelector("#composer textarea");
        area.value = "ni hao";
        area.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", isComposing: true, bubbles: true}));"""
    )
    assert server.requests == []
    assert page.find("#composer textarea").get_property("value") == "ni hao"


def test_keys(page: Page, server: StandIn) -> None:
    server.answers.append(Answer(said("a")))
    page.say("one")
    page.answered()
    page.script("document.activeElement.blur()")
    page.type_key("/")
    assert page.script("return document.activeElement.tagName") == "TEXTAREA"
    assert page.find("#composer textarea").get_property("value") == ""
    page.type_key(Keys.CONTROL, ",")
    assert page.find("#settings").is_displayed()
    page.type_key(Keys.ESCAPE)
    assert not page.find("#settings").is_displayed()
    page.type_key(Keys.CONTROL, Keys.SHIFT, "o")
    page.wait(lambda: page.all(".greeting"))


def test_what_models_write_is_text_and_code_can_be_copied(page: Page, server: StandIn) -> None:
    text = "<img src=x onerror=document.title='bad'>\n\n```js\nlet a = 1;\n```"
    server.answers.append(Answer(said(text)))
    page.say("hi")
    page.answered()
    assert "<img src=x" in page.text(".assistant .markdown p")
    assert page.all("#messages img") == []
    grant = {"origin": page.url.rstrip("/"), "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    page.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
    page.click(".code .copy")
    page.wait(lambda: page.find(".code .copy").get_attribute("aria-label") == "Copied")
    assert page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == "let a = 1;"


def test_thoughts_are_folded_away(page: Page, server: StandIn) -> None:
    server.answers.append(Answer(said("<think>\nHm, *well*.\n</think>\n\nYes.")))
    page.say("hi")
    page.answered()
    assert page.text(".assistant summary") == "Reasoning"
    assert page.text(".assistant").startswith("Reasoning\nYes.")
    page.click(".assistant summary")
    assert "Hm, well." in page.text(".reasoning")
