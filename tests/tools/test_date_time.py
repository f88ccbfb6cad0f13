"""Dates and times, at a fixed moment."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.errors import ToolError
from llmagentos.tools.date_time import date_time_tools, moved_date

NOW = datetime(2024, 2, 28, 23, 30, tzinfo=timezone.utc)
TOOLS = {tool.name: tool for tool in date_time_tools("UTC", lambda: NOW)}


def ask(name: str, **arguments: Any) -> str:
    return str(TOOLS[name](**arguments))


def test_the_present_time_is_told_in_the_zone_asked_for() -> None:
    assert ask("current_time") == "2024-02-28T23:30:00+00:00 (Wednesday)"
    assert ask("current_time", time_zone_name="Asia/Shanghai") == "2024-02-29T07:30:00+08:00 (Thursday)"


def test_times_are_converted_between_zones_with_daylight_saving() -> None:
    summer = ask("convert_time", time="2024-07-01T12:00", from_zone="Europe/Berlin", to_zone="America/New_York")
    winter = ask("convert_time", time="2024-01-01T12:00", from_zone="Europe/Berlin", to_zone="UTC")
    assert summer == "2024-07-01T06:00:00-04:00 (Monday)"
    assert winter == "2024-01-01T11:00:00+00:00 (Monday)"


def test_days_are_counted_also_backwards() -> None:
    assert ask("days_between", start="2024-02-28", end="2024-03-01").startswith("2 days")
    assert ask("days_between", start="today", end="2024-02-01").startswith("-27 days")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({"days": 2}, "2024-02-02 (Friday)"),
        ({"months": 1}, "2024-02-29 (Thursday)"),
        ({"years": 1, "months": 1}, "2025-02-28 (Friday)"),
        ({"weeks": -1}, "2024-01-24 (Wednesday)"),
    ],
)
def test_dates_are_moved(steps: dict[str, int], expected: str) -> None:
    assert ask("add_to_date", start="2024-01-31", **steps) == expected


@given(st.dates(date(2, 1, 1), date(9990, 1, 1)), st.integers(-12, 12))
def test_months_there_and_back_come_to_the_same_month(start: date, months: int) -> None:
    moved = moved_date(moved_date(start, months=months), months=-months)
    assert (moved.year, moved.month) == (start.year, start.month)
    assert moved.day == min(start.day, moved.day)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("current_time", {"time_zone_name": "Mars/Olympus"}, "no time zone"),
        ("current_time", {"time_zone_name": "../../etc/passwd"}, "no time zone"),
        ("current_time", {"time_zone_name": "/etc/localtime"}, "no time zone"),
        ("current_time", {"time_zone_name": ""}, "no time zone"),
        ("days_between", {"start": "31.12.2024", "end": "today"}, "'31.12.2024' is not a date"),
        ("convert_time", {"time": "noon", "from_zone": "UTC", "to_zone": "UTC"}, "'noon' is not a time"),
        (
            "convert_time",
            {"time": "9999-12-31T23:59", "from_zone": "UTC", "to_zone": "Asia/Tokyo"},
            "outside the years",
        ),
        ("add_to_date", {"start": "9999-12-31", "days": 1}, "outside the years"),
        ("add_to_date", {"start": "2024-01-01", "years": 10**9}, "more than can be added"),
    ],
)
def test_what_is_no_date_time_or_zone_is_an_error(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        ask(name, **arguments)
