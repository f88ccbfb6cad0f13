"""A calendar in an iCalendar file (RFC 5545), as other calendar programs read and write it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.tools.bounds import Count, Day, Line
from llmagentos.tools.date_time import parse_date, parse_time, time_zone
from llmagentos.tools.requirements import required
from llmagentos.tools.tool import Tool, tool

MAX_DAYS = 366  # that one question may span
MAX_EVENTS = 50  # in one answer
MAX_TEXT = 1000  # characters of a title or place
MAX_TIMES_A_DAY = 100  # that an event repeats; each time since its first is counted

_TIMES_A_DAY = {"SECONDLY": 86_400, "MINUTELY": 1440, "HOURLY": 24}


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence of an event.

    Attributes:
        uid: of the event, which all its occurrences share.
        start, end: where it takes whole days, its first day and the first after it; else times in the calendar's zone.
        location: "" where none is said.
    """

    uid: str
    title: str
    start: date
    end: date
    location: str = ""

    def __str__(self) -> str:
        place = f" at {self.location}" if self.location else ""
        if isinstance(self.start, datetime) and isinstance(self.end, datetime):
            same_day = self.start.date() == self.end.date()
            end = f"{self.end:%H:%M}" if same_day else f"{self.end:%Y-%m-%d %H:%M}"
            return f"{self.start:%A %Y-%m-%d %H:%M} to {end}: {self.title}{place} [{self.uid}]"
        last = self.end - timedelta(days=1)
        until = f" to {last}" if last > self.start else ""
        return f"{self.start:%A %Y-%m-%d}{until}, all day: {self.title}{place} [{self.uid}]"


class CalendarFile:
    """A calendar, read anew for each question and written in one step, under a lock that other processes keep too.

    Args:
        path: the .ics file; it is made with the first event.
        zone: the time zone in which events are told, and times without one are meant.

    Raises:
        InvalidRequestError: the file is there and is no calendar.
        ToolError: no such time zone, or the extra `tools` is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], zone: str = "UTC") -> None:
        self._path, self.zone = Path(path), time_zone(zone)
        self._icalendar = required("icalendar")
        self._recurring = required("recurring_ical_events")
        self._read()

    def _read(self) -> Any:
        try:
            return self._icalendar.Calendar.from_ical(self._path.read_bytes())
        except FileNotFoundError:
            calendar = self._icalendar.Calendar()
            calendar.add("prodid", "-//llmagentos//calendar//EN")
            calendar.add("version", "2.0")
            return calendar
        except (OSError, ValueError, IndexError) as error:
            raise InvalidRequestError(f"{str(self._path)!r} cannot be read as a calendar: {error}") from None

    def _change(self, change: Callable[[Any], None]) -> None:
        from filelock import FileLock

        from llmagentos.market.cache import write_text

        with FileLock(f"{self._path}.lock"):
            calendar = self._read()
            change(calendar)
            write_text(self._path, calendar.to_ical().decode("utf-8"))

    def events(self, start: datetime, end: datetime) -> list[Event]:
        """Occurrences that begin before `end` and end after `start`, in order; those of repeated events are worked out.

        Raises:
            ToolError: the span is empty or longer than MAX_DAYS, or an event's rule cannot be worked out.
        """
        if not timedelta(0) < end - start <= timedelta(days=MAX_DAYS):
            raise ToolError(f"{start} to {end} is not a span of up to {MAX_DAYS} days")
        calendar = self._read()
        try:
            for component in calendar.walk("VEVENT"):
                _check_repetition(component)
            found = [self._event(component) for component in self._recurring.of(calendar).between(start, end)]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ToolError(f"the calendar has an event that cannot be worked out: {error}") from None
        return sorted(found, key=lambda event: (self._moment(event.start), event.title))

    def add(self, title: str, start: date, end: date, location: str = "") -> Event:
        """Adds an event: of whole days for two days, of which the second is the first after it, else of two times.

        Raises:
            ToolError: the title is empty, a text too long, or the end is not after the start.
        """
        title, location = " ".join(title.split()), " ".join(location.split())
        if not title or max(len(title), len(location)) > MAX_TEXT:
            raise ToolError(f"title and location must have at most {MAX_TEXT} characters, and the title at least one")
        if self._moment(end) <= self._moment(start):
            raise ToolError(f"the event would end at {end}, which is not after its start, {start}")
        event = Event(str(uuid.uuid4()), title, start, end, location)
        component = self._icalendar.Event()
        component.add("uid", event.uid)
        component.add("dtstamp", datetime.now(timezone.utc))
        component.add("summary", title)
        component.add("dtstart", start)
        component.add("dtend", end)
        if location:
            component.add("location", location)
        self._change(lambda calendar: calendar.add_component(component))
        return event

    def remove(self, uid: str) -> None:
        """Removes an event with all its occurrences.

        Raises:
            ToolError: there is none with that uid.
        """

        def change(calendar: Any) -> None:
            kept = [part for part in calendar.subcomponents if part.name != "VEVENT" or str(part.get("uid")) != uid]
            if len(kept) == len(calendar.subcomponents):
                raise ToolError(f"there is no event with the uid {shown(uid)}")
            calendar.subcomponents = kept

        self._change(change)

    def _event(self, component: Any) -> Event:
        start, end = component.start, component.end
        texts = (str(component.get(name, "")) for name in ("uid", "summary", "location"))
        uid, title, location = texts
        if isinstance(start, datetime):
            return Event(uid, title, self._moment(start), self._moment(end), location)
        return Event(uid, title, start, end, location)

    def _moment(self, when: date) -> datetime:
        """A day's beginning, or a time, in the calendar's zone; one without a zone is meant in it."""
        if not isinstance(when, datetime):
            when = datetime.combine(when, time(), self.zone)
        return when.astimezone(self.zone) if when.tzinfo is not None else when.replace(tzinfo=self.zone)


def calendar_tools(path: str | os.PathLike[str], zone: str = "UTC") -> list[Tool]:
    """Tools that read and change the calendar in the file `path`; the arguments are those of `CalendarFile`.

    Raises:
        InvalidRequestError, ToolError: as `CalendarFile`.
    """
    calendar = CalendarFile(path, zone)

    @tool(idempotent=True)
    def list_events(first_day: Day, days: Count = 7) -> str:
        """List what the calendar has in some days, with the uid of each event in brackets.

        Args:
            first_day: the day to begin with, as 2024-12-31.
            days: how many days.
        """
        start = datetime.combine(parse_date(first_day), time(), calendar.zone)
        found = calendar.events(start, _later(start, days))
        more = f"\n[{len(found) - MAX_EVENTS} more; ask for fewer days]" if len(found) > MAX_EVENTS else ""
        return "\n".join(map(str, found[:MAX_EVENTS])) + more or "there is nothing in the calendar then"

    @tool
    def add_event(title: Line, start: Day, minutes: Count = 60, location: Line = "") -> str:
        """Add an event to the calendar.

        Args:
            title: what it is.
            start: when it begins: a time as 2024-12-31T18:30, or a day as 2024-12-31 for the whole day.
            minutes: how long it takes; of no meaning for a whole day.
            location: where it is.
        """
        begin = _start(start, calendar.zone)
        if not isinstance(begin, datetime):
            return f"added: {calendar.add(title, begin, begin + timedelta(days=1), location)}"
        if not 0 < minutes <= MAX_DAYS * 1440:
            raise ToolError(f"minutes={minutes} is not valid: an event takes 1 minute to {MAX_DAYS} days")
        return f"added: {calendar.add(title, begin, begin + timedelta(minutes=minutes), location)}"

    @tool
    def remove_event(uid: Line) -> str:
        """Remove an event from the calendar, with all its repetitions.

        Args:
            uid: the event's uid, as list_events shows it in brackets.
        """
        calendar.remove(uid)
        return f"removed: {uid}"

    return [list_events, add_event, remove_event]


def _start(text: str, zone: ZoneInfo) -> date:
    return parse_date(text) if len(text.strip()) == len("2024-12-31") else parse_time(text, zone)


def _check_repetition(event: Any) -> None:
    """Refuses rules (RFC 5545, 3.3.10) by which working out a day takes long."""
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        often = float(_TIMES_A_DAY.get(str(rule.get("FREQ", ["DAILY"])[0]).upper(), 1))
        often /= max(int(rule.get("INTERVAL", [1])[0]), 1)
        for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
            often *= max(len(rule.get(part, [])), 1)
        if often > MAX_TIMES_A_DAY:
            raise ToolError(
                f"the calendar's event {str(event.get('SUMMARY', ''))[:100]!r} repeats up to {often:.0f} times a day, "
                f"more than {MAX_TIMES_A_DAY}"
            )


def _later(start: datetime, days: int) -> datetime:
    if not 1 <= days <= MAX_DAYS:
        raise ToolError(f"days={days} is not valid: it must be 1 to {MAX_DAYS}")
    return start + timedelta(days=days)
