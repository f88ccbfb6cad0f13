"""What charts make of a server's metrics."""

from __future__ import annotations

from typing import Any

import pytest

from .browser import Page
from .recorded_metrics import metrics

pytestmark = pytest.mark.browser


def calculated(scripts: Page, before: str, after: str, call: str) -> Any:
    """The value of an expression over the snapshots `before` and `after` of two texts, two seconds apart."""
    code = f"((before, after) => {call})(new Snapshot(given[0], 0), new Snapshot(given[1], 2000))"
    return scripts.module("metrics/snapshot.js", "Snapshot, rate, quantile", code, before, after)


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
def test_what_is_calculated(scripts: Page, call: str, value: object) -> None:
    assert calculated(scripts, metrics(100, 0), metrics(200, 0), call) == pytest.approx(value)


def test_labels_are_read_with_their_escapes(scripts: Page) -> None:
    text = 'a{b="x\\"}\\\\,\\ny",c="1"} +Inf 17\n# a 1\nnonsense\n'
    found = calculated(scripts, text, text, "before.samples.map((one) => ({...one, value: String(one.value)}))")
    assert found == [{"name": "a", "labels": {"b": 'x"}\\,\ny', "c": "1"}, "value": "Infinity"}]


@pytest.mark.parametrize(
    ("most", "ticks"), [(0, [0, 1]), (1, [0, 0.5, 1]), (7, [0, 2, 4, 6, 8]), (130, [0, 50, 100, 150])]
)
def test_axes_have_round_numbers(scripts: Page, most: float, ticks: list[float]) -> None:
    assert scripts.module("metrics/ticks.js", "ticksUpTo", "ticksUpTo(given[0])", most) == pytest.approx(ticks)
