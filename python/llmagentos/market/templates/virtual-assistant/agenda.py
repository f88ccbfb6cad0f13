"""The calendar in plain words: what is when, what is free, what is added, moved and removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from phrases import When

from llmagentos.tools.calendar_file import MAX_DAYS, CalendarFile, Event
from llmagentos.tools.words import ENGLISH_STOP_WORDS, without_stop_words, words

DAY_STARTS, DAY_ENDS = time(8), time(22)  # between which free time is looked for
DEFAULT_MINUTES = 60
_PARTS = ENGLISH_STOP_WORDS | {"appointment", "meeting", "event", "calendar", "next"}


@dataclass(frozen=True, slots=True)
class Move:
    """An event, and where it is to be moved."""

    event: Event
    start: date
    end: date


class Agenda:
    """Questions to a calendar and changes of it.

    Raises:
        InvalidRequestError, ToolError: of methods, as the calendar raises them.
    """

    def __init__(self, calendar: CalendarFile) -> None:
        self._calendar = calendar

    def told(self, first: date, n_days: int) -> str:
        """What is on some days; days with nothing are left out."""
        found = self._on(first, n_days)
        if not found:
            return ""
        days = groupby(found, key=lambda event: max(_day(event.start), first))
        return "\n".join("\n".join([day_name(day), *(f"  {entry(event)}" for event in events)]) for day, events in days)

    def add(self, title: str, when: When, place: str, now: datetime) -> tuple[Event, list[Event]]:
        """Adds an event: of a whole day where no time is said. With it, the events that it overlaps with."""
        start, end = self.span_of(when, now)
        overlapping = self.between(start, end) if isinstance(start, datetime) else []
        return self._calendar.add(title, start, end, place), overlapping

    def between(self, start: date, end: date) -> list[Event]:
        """Events of set times that overlap with a span."""
        found = self._calendar.events(self._moment(start), self._moment(end))
        return [event for event in found if isinstance(event.start, datetime)]

    def free(self, day: date) -> list[tuple[time, time]]:
        """The free spans of a day between its start and its end."""
        start, end = (datetime.combine(day, edge, self._calendar.zone) for edge in (DAY_STARTS, DAY_ENDS))
        spans: list[tuple[time, time]] = []
        for event in self.between(start, end):
            if self._moment(event.start) > start:
                spans.append((start.time(), self._moment(event.start).time()))
            start = max(start, self._moment(event.end))
        return [*spans, (start.time(), end.time())] if start < end else spans

    def coming(self, text: str, now: datetime, day: date | None = None) -> list[Event]:
        """The events that have all the words, soonest first: on a day, or from now on. Without words, all of them."""
        wanted = set(_said(text))
        first = day or now.date()
        found = self._on(first, 1 if day else MAX_DAYS)
        found = [event for event in found if day is not None or self._moment(event.end) > now]
        return [event for event in found if wanted <= set(_said(f"{event.title} {event.location}"))]

    def repeats(self, event: Event) -> bool:
        """Whether an event has other occurrences in the year that follows it."""
        others = self._on(_day(event.start), MAX_DAYS)
        return sum(other.uid == event.uid for other in others) > 1

    def moved(self, event: Event, when: When) -> Move:
        """Where an event would be: what is not said stays as it is."""
        day = when.day or _day(event.start)
        length = event.end - event.start if when.minutes is None else timedelta(minutes=when.minutes)
        if isinstance(event.start, datetime) or when.time is not None:
            if not isinstance(event.start, datetime) and when.minutes is None:
                length = timedelta(minutes=DEFAULT_MINUTES)
            at = when.time or self._moment(event.start).time()
            start = datetime.combine(day, at, self._calendar.zone)
            return Move(event, start, start + length)
        return Move(event, day, day + length)

    def move(self, move: Move) -> Event:
        """Moves an event. It is in the calendar twice for a moment, rather than not at all."""
        moved = self._calendar.add(move.event.title, move.start, move.end, move.event.location)
        self._calendar.remove(move.event.uid)
        return moved

    def is_over(self, event: Event, now: datetime) -> bool:
        """Whether an event has ended."""
        return self._moment(event.end) <= now

    def remove(self, event: Event) -> None:
        """Removes an event."""
        self._calendar.remove(event.uid)

    def span_of(self, when: When, now: datetime) -> tuple[date, date]:
        """Start and end of what is meant; a time without a day is the next such time."""
        if when.time is None:
            day = when.day or now.date()
            return day, day + timedelta(days=when.n_days)
        start = datetime.combine(when.day or now.date(), when.time, self._calendar.zone)
        if when.day is None and start <= now:
            start += timedelta(days=1)
        return start, start + timedelta(minutes=when.minutes or DEFAULT_MINUTES)

    def _on(self, first: date, n_days: int) -> list[Event]:
        start = datetime.combine(first, time(), self._calendar.zone)
        return self._calendar.events(start, start + timedelta(days=min(n_days, MAX_DAYS)))

    def _moment(self, when: date) -> datetime:
        return when if isinstance(when, datetime) else datetime.combine(when, time(), self._calendar.zone)


def day_name(day: date) -> str:
    """A day in words."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def entry(event: Event) -> str:
    """An event in a list of its day's."""
    place = f" ({event.location})" if event.location else ""
    if isinstance(event.start, datetime) and isinstance(event.end, datetime):
        return f"{event.start:%H:%M} to {event.end:%H:%M}  {event.title}{place}"
    return f"all day         {event.title}{place}"


def sentence(event: Event) -> str:
    """An event by itself."""
    place = f" at {event.location}" if event.location else ""
    return f"{event.title}{place}, {span(event.start, event.end)}"


def span(start: date, end: date) -> str:
    """From when to when."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        return f"{day_name(start.date())}, {start:%H:%M} to {end:%H:%M}"
    last = end - timedelta(days=1)
    return f"{day_name(start)} to {day_name(last)}" if last > start else f"{day_name(start)}, all day"


def times(spans: Sequence[tuple[time, time]]) -> str:
    """Spans of a day in words."""
    return ", ".join(f"{start:%H:%M} to {end:%H:%M}" for start, end in spans)


def _said(text: str) -> Iterator[str]:
    return (word.removesuffix("'s") for word in without_stop_words(words(text), frozenset(_PARTS)))


def _day(when: date) -> date:
    return when.date() if isinstance(when, datetime) else when
