"""The page of metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from selenium.webdriver.support.ui import Select

from .browser import Page
from .stand_in import StandIn

pytestmark = pytest.mark.browser


def metrics(generated: int, running: int, model: str = "small") -> str:
    label = f'{{model="{model}"}}'
    buckets = {"0.1": generated // 2, "0.2": generated, "+Inf": generated}
    lines = [
        "# HELP llmagentos_generated_tokens_total Tokens generated.",
        "# TYPE llmagentos_generated_tokens_total counter",
        f"llmagentos_generated_tokens_total{label} {generated}.0",
        f"llmagentos_requests_running{label} {running}.0",
        f"llmagentos_requests_waiting{label} 0.0",
        *(
            f'llmagentos_inter_token_seconds_bucket{{le="{bound}",model="{model}"}} {count}.0'
            for bound, count in buckets.items()
        ),
        f'llmagentos_http_requests_total{{route="/v1/x",status="200"}} {generated // 10}.0',
    ]
    return "\n".join(lines) + "\n"


def test_charts_grow_with_the_servers_metrics(page: Page, server: StandIn) -> None:
    server.metrics = [metrics(100, 1) + metrics(7, 0, "large"), metrics(300, 3) + metrics(7, 0, "large")]
    page.open("metrics.html")
    running = "section:nth-of-type(2) .series-1 b"
    page.wait(lambda: page.all(running) and page.text(running) == "3")
    assert page.find("section:nth-of-type(1) path.series-1").get_attribute("d").startswith("M")
    assert page.text("section:nth-of-type(4) .series-1 b") == "0.100"
    assert "nothing yet" in page.text("section:nth-of-type(6)")
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


def calculated(page: Page, before: str, after: str, call: str) -> Any:
    """What snapshots of two texts, two seconds apart, say: the value of an expression over `before` and `after`."""
    code = f"""const [first, second, done] = arguments;
    import("/js/metrics/snapshot.js").then(({{ Snapshot, rate, quantile }}) => {{
      const [before, after] = [new Snapshot(first, 0), new Snapshot(second, 2000)];
      done(JSON.stringify({call}));
    }});"""
    return json.loads(page.driver.execute_async_script(code, before, after))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("rate(before, after, 'llmagentos_generated_tokens_total', '')", 50),
        ("rate(before, after, 'llmagentos_generated_tokens_total', 'small')", 50),
        ("rate(before, after, 'llmagentos_generated_tokens_total', 'other')", None),
        ("rate(before, after, 'llmagentos_http_requests_total', 'other')", 5),
        # The counter began anew: what it has counted since is all that is known.
        (
            "rate(after, {...before, time: 4000, sum: before.sum, of: before.of}, 'llmagentos_generated_tokens_total')",
            50,
        ),
        ("quantile(before, after, 'llmagentos_inter_token_seconds', '', 0.5)", 0.1),
        ("quantile(before, after, 'llmagentos_inter_token_seconds', '', 0.75)", 0.15),
        ("quantile(before, before, 'llmagentos_inter_token_seconds', '', 0.5)", None),
        ("after.models()", ["small"]),
    ],
)
def test_what_is_calculated(page: Page, call: str, value: object) -> None:
    assert calculated(page, metrics(100, 0), metrics(200, 0), call) == pytest.approx(value)


def test_labels_are_read_with_their_escapes(page: Page) -> None:
    text = 'a{b="x\\"}\\\\,\\ny",c="1"} +Inf 17\n# a 1\nnonsense\n'
    found = calculated(page, text, text, "before.samples.map((one) => ({...one, value: String(one.value)}))")
    assert found == [{"name": "a", "labels": {"b": 'x"}\\,\ny', "c": "1"}, "value": "Infinity"}]


@pytest.mark.parametrize(
    ("most", "ticks"), [(0, [0, 1]), (1, [0, 0.5, 1]), (7, [0, 2, 4, 6, 8]), (130, [0, 50, 100, 150])]
)
def test_axes_have_round_numbers(page: Page, most: float, ticks: list[float]) -> None:
    code = 'import("/js/metrics/ticks.js").then(({ ticksUpTo }) => arguments[1](ticksUpTo(arguments[0])));'
    assert page.driver.execute_async_script(code, most) == pytest.approx(ticks)
