"""Sizes in words, and what a pull says where there is no terminal."""

from __future__ import annotations

import io

import pytest

from llmagentos.market import progress
from llmagentos.market.progress import format_bytes, shown


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (98_362_432, "98.4 MB"),
        (999_960, "1.0 MB"),
        (3 * 10**12, "3.0 TB"),
    ],
)
def test_sizes_are_in_decimal_units(n, text):
    assert format_bytes(n) == text


def test_lines_come_when_something_begins_and_then_no_faster_than_one_a_second(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    with shown(None) as report:
        for seconds, done, what in [(0, 0, "a"), (0.5, 200, "a"), (1, 210, "a"), (3, 219, "a"), (3, 999, "b")]:
            clock[0] = 100.0 + seconds
            report(done, 1000, what)
    assert err.getvalue().splitlines() == ["a (1.0 kB)", "a: 20 % of 1.0 kB", "b: 90 % of 1.0 kB"]


def test_a_reader_that_went_away_does_not_stop_a_pull(monkeypatch):
    class Closed(io.StringIO):
        n_writes = 0

        def write(self, text: str) -> int:
            self.n_writes += 1
            raise BrokenPipeError

    err = Closed()
    monkeypatch.setattr("sys.stderr", err)
    with shown(None) as report:
        report(1, 10, "a")
    assert err.n_writes > 0


def test_a_callback_of_ones_own_is_used_as_it_is():
    calls: list[tuple[int, int, str]] = []
    with shown(lambda *call: calls.append(call)) as report:
        report(1, 2, "a")
    assert calls == [(1, 2, "a")]
