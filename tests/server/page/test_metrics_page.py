"""The page of metrics."""

from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import Select

from .browser import Page
from .recorded_metrics import metrics
from .stand_in import StandIn

pytestmark = pytest.mark.browser


def test_charts_grow_with_the_servers_metrics(window: Page, server: StandIn) -> None:
    server.metrics = [metrics(100, 1) + metrics(7, 0, "large"), metrics(300, 3) + metrics(7, 0, "large")]
    window.open("metrics.html", hurry=20)
    running = "section:nth-of-type(2) .series-1 b"
    window.wait(lambda: window.all(running) and window.text(running) == "3")
    window.wait(lambda: window.find("section:nth-of-type(1) path.series-1").get_attribute("d").startswith("M"))
    assert len(window.all("section:nth-of-type(4) circle.series-1")) == 1  # tokens came within one look only
    assert window.text("section:nth-of-type(4) .series-1 b") == "0.100"
    assert "nothing yet" in window.text("section:nth-of-type(6)")
    window.picture("metrics")
    Select(window.find("#model")).select_by_value("large")
    assert window.text(running) == "0"


def test_a_server_with_keys_asks_for_one(window: Page, server: StandIn) -> None:
    server.api_key = "secret"
    server.metrics = [metrics(1, 2)]
    window.open("metrics.html", hurry=20)
    window.wait(lambda: window.find("#key").is_displayed())
    window.find("#key input").send_keys("secret")
    window.button("Save").click()
    window.wait(lambda: not window.find("#key").is_displayed())
    assert not window.find("#notice").is_displayed()
