"""The page and the server that it was made for, with a tiny model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server.running import Running, Slowed

from .browser import Page
from .conftest import window_of

pytestmark = pytest.mark.browser


@pytest.fixture
def window(browser: Any, served: Running) -> Iterator[Page]:
    with window_of(browser, f"{served.url}/") as page:
        yield page


def test_an_answer_streams(window: Page, served: Running) -> None:
    window.open(sampling={"temperature": 0, "max_tokens": 24})
    window.wait(lambda: [one.text for one in window.all("#model option")] == ["tiny", "vectors"])
    with Slowed(served) as slowed:
        window.say("What is rain?")
        slowed.turns.release(9)
        window.wait(lambda: window.text(".assistant.running .markdown:not(.reasoning *)"))
        some = window.text(".assistant .markdown:not(.reasoning *)")
        slowed.turns.release(100)
        window.answered()
    assert len(window.text(".assistant .markdown:not(.reasoning *)")) > len(some)
    assert window.text(".facts").startswith("tiny")
    assert "24 tokens" in window.text(".facts")
    window.picture("real-answer")


def test_charts_show_what_the_server_does(window: Page, http: httpx.Client) -> None:
    window.open("metrics.html", hurry=20)
    line = "section:nth-of-type(1) path.series-1"
    ask = {"model": "tiny", "prompt": "a", "max_tokens": 4, "ignore_eos": True}

    def is_drawn() -> bool:
        http.post("/v1/completions", json=ask)
        return bool(str(window.find(line).get_attribute("d")).startswith("M"))

    window.wait(is_drawn)
    assert [one.text for one in window.all("#model option")] == ["All models", "tiny"]
    window.picture("real-metrics")
