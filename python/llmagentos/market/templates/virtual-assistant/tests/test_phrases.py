"""Days, times and durations, said on Monday, 2 March 2026."""

from __future__ import annotations

from datetime import date, time

import pytest
from phrases import read_when

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-03-02"),
        ("tomorrow", "2026-03-03"),
        ("the day after tomorrow", "2026-03-04"),
        ("on friday", "2026-03-06"),
        ("Monday", "2026-03-09"),
        ("next monday", "2026-03-09"),
        ("next Friday", "2026-03-13"),
        ("in three days", "2026-03-05"),
        ("in 2 weeks", "2026-03-16"),
        ("in a month", "2026-04-02"),
        ("on 5 May", "2026-05-05"),
        ("the 21st of march", "2026-03-21"),
        ("March 3rd, 2027", "2027-03-03"),
        ("1 February", "2027-02-01"),
        ("2026-12-31", "2026-12-31"),
        ("christmas", "2026-12-25"),
        ("by Wed", "2026-03-04"),
    ],
)
def test_days(text: str, day: str) -> None:
    when = read_when(f"dentist {text}", TODAY)
    assert (when.day, when.rest) == (date.fromisoformat(day), "dentist")


@pytest.mark.parametrize(
    ("text", "first", "n_days"),
    [
        ("this week", "2026-03-02", 7),
        ("next week", "2026-03-09", 7),
        ("this weekend", "2026-03-07", 2),
        ("next month", "2026-04-01", 30),
        ("in the next 3 days", "2026-03-02", 3),
    ],
)
def test_spans(text: str, first: str, n_days: int) -> None:
    when = read_when(f"what is on {text}", TODAY)
    assert (when.day, when.n_days) == (date.fromisoformat(first), n_days)


@pytest.mark.parametrize(
    ("text", "at", "minutes"),
    [
        ("at 9", time(9), None),
        ("at 9:30", time(9, 30), None),
        ("at 3pm", time(15), None),
        ("12 am", time(0), None),
        ("at noon", time(12), None),
        ("half past 7", time(7, 30), None),
        ("at 14:00 for 45 minutes", time(14), 45),
        ("at 9 for an hour", time(9), 60),
        ("at 9 for half an hour", time(9), 30),
        ("for 2 hours", None, 120),
        ("from 9 to 11", time(9), 120),
        ("9:15-10:00", time(9, 15), 45),
        ("from 1 to 3pm", time(13), 120),
    ],
)
def test_times(text: str, at: time | None, minutes: int | None) -> None:
    when = read_when(f"dentist tomorrow {text}", TODAY)
    assert (when.time, when.minutes, when.rest) == (at, minutes, "dentist")


@pytest.mark.parametrize(
    "text",
    [
        "buy 3 apples",
        "31 February",
        "at 25:00",
        "call 555 0101",
        "maybe the sunflowers",
        "feed the 15 to 20 people",
        "look at the sun",
    ],
)
def test_what_says_no_day_and_no_time(text: str) -> None:
    when = read_when(text, TODAY)
    assert (when.day, when.time, when.rest) == (None, None, text)
