"""What can be chosen on the page: models, sampling, system prompt, key, theme, language."""

from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import Select

from .browser import Page
from .stand_in import Answer, StandIn, said

pytestmark = pytest.mark.browser


def fill(page: Page, **values: str) -> None:
    """Fills in the settings and saves them."""
    page.click("#open-settings")
    for name, value in values.items():
        field = page.find(f"#settings [name={name}]")
        if field.tag_name == "select":
            Select(field).select_by_value(value)
        else:
            field.clear()
            field.send_keys(value)
    page.button("Save").click()


def test_the_model_that_is_picked_answers_and_stays(page: Page, server: StandIn) -> None:
    server.answers += [Answer(said("a")), Answer(said("b"))]
    page.wait(lambda: page.all("#model option"))
    Select(page.find("#model")).select_by_value("large")
    page.say("hi")
    page.answered()
    page.driver.refresh()
    page.wait(lambda: page.find("#model").get_property("value") == "large")
    page.say("hi")
    page.answered()
    assert [request["model"] for request in server.requests] == ["large", "large"]


def test_settings_go_into_requests(page: Page, server: StandIn) -> None:
    server.answers.append(Answer(said("a")))
    fill(page, system="Be brief.", temperature="0.5", top_k="40", max_tokens="", seed="7", stop="END\n\nSTOP")
    page.wait(lambda: not page.find("#settings").is_displayed())
    page.say("hi")
    page.answered()
    request = server.requests[0]
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (request["temperature"], request["top_k"], request["seed"]) == (0.5, 40, 7)
    assert request["stop"] == ["END", "STOP"]
    assert "max_tokens" not in request
    assert "top_p" not in request


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("temperature", "3", "Temperature must be a number from 0 to 2."),
        ("tools", "[{", "Tools must be a JSON list"),
        ("tools", "{}", "Tools must be a JSON list"),
    ],
)
def test_a_bad_setting_is_named_and_not_saved(page: Page, name: str, value: str, fault: str) -> None:
    fill(page, **{name: value})
    assert fault in page.text("#settings-failure")
    assert page.find("#settings").is_displayed()


def test_a_server_with_keys_asks_for_one(window: Page, server: StandIn) -> None:
    server.api_key = "secret"
    server.answers.append(Answer(said("a")))
    window.open()
    window.wait(lambda: window.find("#settings").is_displayed())
    assert "asks for an API key" in window.text("#settings-failure")
    window.find("[name=apiKey]").send_keys("secret")
    window.button("Save").click()
    window.wait(lambda: window.find("#model").get_property("value") == "small")
    assert not window.find("#notice").is_displayed()
    window.say("hi")
    window.answered()
    assert len(server.requests) == 1


def background(page: Page) -> str:
    return str(page.script("return getComputedStyle(document.documentElement).backgroundColor"))


def test_the_theme_is_the_systems_or_the_one_that_is_chosen(page: Page) -> None:
    light = background(page)
    page.open(dark=True)
    dark = background(page)
    assert light != dark
    fill(page, theme="light")
    assert background(page) == light
    page.driver.refresh()
    assert background(page) == light


def test_the_page_speaks_chinese(page: Page, server: StandIn) -> None:
    fill(page, language="zh")
    page.wait(lambda: "想聊点什么" in page.text("#messages"))
    assert page.script("return document.documentElement.lang") == "zh-CN"
    server.answers.append(Answer(said("你好")))
    page.say("你好")
    page.answered()
    assert "个词元" in page.text(".facts")


def test_unreadable_settings_are_as_none(page: Page) -> None:
    page.script("localStorage.setItem('llmagentos.settings', '{'); localStorage.setItem('llmagentos.chat.x', '[]')")
    page.driver.refresh()
    page.wait(lambda: page.find("#model").get_property("value") == "small")
    assert page.all("#chats .chat") == []
