"""The page of metrics."""

from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import Select

from .browser import Page
from .recorded_metrics import metrics
from .stand_in import StandIn

pytestmark = pytest.mark.browser


def test_charts_grow_with_the_servers_metrics(page: Page, server: StandIn) -> None:
    server.metrics = [metrics(100, 1) + metrics(7, 0, "large"), metrics(300, 3) + metrics(7, 0, "large")]
    page.open("metrics.html")
    running = "section:nth-of-type(2) .series-1 b"
    page.wait(lambda: page.all(running) and page.text(running) == "3")
    page.wait(lambda: page.find("section:nth-of-type(1) path.series-1").get_attribute("d").startswith("M"))
    assert len(page.all("section:nth-of-type(4) circle.series-1")) == 1  # tokens came within one look only
    assert page.text("section:nth-of-type(4) .series-1 b") == "0.100"
    assert "nothing yet" in page.text("section:nth-of-type(6)")
    page.picture("metrics")
    Select(page.find("#model")).select_by_value("large")
    assert page.text(running) == "0"


def test_a_server_with_keys_asks_for_one(page: Page, server: StandIn) -> None:
    server.api_key = "secret"
    server.metrics = [metrics(1, 2)]
    page.open("metrics.html")
    page.wait(lambda: page.find("#key").is_displayed())
    page.find("#key input").send_keys("secret")
    page.button("Save").click()
    page.wait(lambda: not page.find("#key").is_displayed())
    assert not page.find("#notice").is_displayed()
