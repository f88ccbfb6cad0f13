"""Dates and times: what language models get wrong when they count on their fingers."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from llmagentos.errors import ToolError, shown
from llmagentos.tools.bounds import Day, Name, Steps
from llmagentos.tools.tool import Tool, tool

MAX_STEP = 1_000_000  # units that a date may be moved by at once


def time_zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        ToolError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed or leading out of the database, a folder of it
        raise ToolError(f"{shown(name)} is no time zone; one is named like 'Europe/Berlin' or 'UTC'") from None


def parse_date(text: str) -> date:
    """A date written as 2024-12-31.

    Raises:
        ToolError: it is not one.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ToolError(f"{shown(text)} is not a date; write it as 2024-12-31") from None


def parse_time(text: str, zone: ZoneInfo) -> datetime:
    """A date, or a date and time as 2024-12-31T18:30, with an offset or else in `zone`.

    Raises:
        ToolError: it is neither.
    """
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ToolError(f"{shown(text)} is not a time; write it as 2024-12-31T18:30") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def written(moment: datetime) -> str:
    """A moment as tools write it: with its offset, to the second, and the day of the week."""
    return f"{moment.isoformat(timespec='seconds')} ({moment:%A})"


def date_time_tools(zone: str = "UTC", clock: Callable[[], datetime] | None = None) -> list[Tool]:
    """Tools that tell the time and count days.

    Args:
        zone: IANA name of the time zone that holds where the model names none.
        clock: gives the present moment, with its time zone; None takes the machine's.
    """
    home = time_zone(zone)
    now = clock or (lambda: datetime.now(timezone.utc))

    @tool
    def current_time(time_zone_name: Name = zone) -> str:
        """Tell the present date, time and day of the week.

        Args:
            time_zone_name: a time zone such as "Asia/Shanghai".
        """
        return written(now().astimezone(time_zone(time_zone_name)))

    @tool
    def convert_time(time: Day, from_zone: Name, to_zone: Name) -> str:
        """Tell what time it is in one time zone when it is a given time in another.

        Args:
            time: date and time, as 2024-12-31T18:30.
            from_zone: the time zone that the time is given in, such as "America/New_York".
            to_zone: the time zone wanted, such as "Europe/Berlin".
        """
        moment = parse_time(time, time_zone(from_zone))
        try:
            return written(moment.astimezone(time_zone(to_zone)))
        except OverflowError:
            raise ToolError(f"{shown(time)} in {shown(to_zone)} is outside the years 1 to 9999") from None

    @tool
    def days_between(start: Day, end: Day) -> str:
        """Count the days from one date to another.

        Args:
            start: the first date, as 2024-12-31, or "today".
            end: the second date, as 2025-02-01, or "today".
        """
        first, last = (_day(text, now, home) for text in (start, end))
        days = (last - first).days
        return f"{days} days from {first} ({first:%A}) to {last} ({last:%A})"

    @tool
    def add_to_date(start: Day, days: Steps = 0, weeks: Steps = 0, months: Steps = 0, years: Steps = 0) -> str:
        """Tell the date some days, weeks, months or years after another, or before it where these are negative.

        Args:
            start: the date to count from, as 2024-12-31, or "today".
            days: days to add.
            weeks: weeks to add.
            months: months to add; a day that the month does not have becomes its last.
            years: years to add.
        """
        moved = moved_date(_day(start, now, home), days=days + 7 * weeks, months=months + 12 * years)
        return f"{moved} ({moved:%A})"

    return [current_time, convert_time, days_between, add_to_date]


def moved_date(start: date, *, days: int = 0, months: int = 0) -> date:
    """The date that many months, and then days, after `start`.

    Raises:
        ToolError: the steps, or the date, are out of range.
    """
    if abs(days) > MAX_STEP or abs(months) > MAX_STEP:
        raise ToolError(f"{days} days and {months} months are more than can be added: at most {MAX_STEP:,} of each")
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    try:
        last_day = calendar.monthrange(year, month + 1)[1]
        return start.replace(year=year, month=month + 1, day=min(start.day, last_day)) + timedelta(days=days)
    except (ValueError, OverflowError, IndexError):
        raise ToolError(f"{days} days and {months} months from {start} are outside the years 1 to 9999") from None


def _day(text: str, now: Callable[[], datetime], zone: ZoneInfo) -> date:
    return now().astimezone(zone).date() if text.strip().lower() == "today" else parse_date(text)
