"""Days, times and durations as people say them: "next Monday at half past nine", "in two weeks", "for 45 minutes"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from llmagentos.errors import ToolError
from llmagentos.tools.date_time import moved_date

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_N = rf"(\d{{1,3}}|{'|'.join(_NUMBERS)})"
_DAY = "|".join([*DAYS, *(day[:3] for day in DAYS[:5])])  # but not "sat" and "sun", which are words
_MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS)
_BEFORE = r"(?:\b(?:on|by|until|before|due)\s+)?"


@dataclass(frozen=True, slots=True)
class When:
    """When something is, as far as a sentence says.

    Attributes:
        day: None where no day is said.
        n_days: how many days are meant from that one on.
        time: None where none is said.
        minutes: how long it takes; None where that is not said.
        rest: the sentence without these.
    """

    day: date | None = None
    n_days: int = 1
    time: time | None = None
    minutes: int | None = None
    rest: str = ""


def read_when(text: str, today: date) -> When:
    """What a sentence says of days, times and durations."""
    if (days := _from_day_to_day(text, today)) is not None:
        return days
    when = When(rest=text)
    for pattern, reading in (*_SPANS, *_DATES):
        if (match := pattern.search(when.rest)) is not None:
            try:
                day, n_days = reading(match, today)
            except (ValueError, ToolError):  # such as 31 February
                continue
            when = replace(when, day=day, n_days=n_days, rest=_without(when.rest, match))
            break
    if (match := _FROM_TO.search(when.rest)) is not None and _is_span(match, when.day is not None):
        start, end = _time(match[1], match[2], match[3] or match[6]), _time(match[4], match[5], match[6])
        if start is not None and end is not None and end > start:
            minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
            return replace(when, time=start, minutes=minutes, rest=_tidy(_without(when.rest, match)))
    if (match := _DURATION.search(when.rest)) is not None:
        n = 0.5 if match[1].lower() == "half an" else _number(match[1])
        minutes = round(n * (60 if match[2].lower().startswith("h") else 1))
        when = replace(when, minutes=minutes, rest=_without(when.rest, match))
    for pattern, clock in _TIMES:
        if (match := pattern.search(when.rest)) is not None and (found := clock(match)) is not None:
            when = replace(when, time=found, rest=_without(when.rest, match))
            break
    return replace(when, rest=_tidy(when.rest))


def _from_day_to_day(text: str, today: date) -> When | None:
    match = _DAYS.search(text)
    if match is None:
        return None
    first, last = (read_when(half, today) for half in match.groups())
    if first.day is None or last.day is None or first.rest or last.rest or first.time or last.time:
        return None
    n_days = (last.day - first.day).days + 1
    return When(first.day, n_days, rest=_tidy(_without(text, match))) if n_days > 0 else None


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"


def _tidy(text: str) -> str:
    tidy = re.sub(r"\s+([,.?!])", r"\1", " ".join(text.split())).strip(" ,;")
    return re.sub(r"\s+(?:for|on|at|from|by|in|until)$", "", tidy, flags=re.IGNORECASE)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


def _is_span(match: re.Match[str], has_day: bool) -> bool:
    """Whether two numbers are times, and not, say, "15 to 20 people"; beside a day "10-11" is."""
    if has_day and "-" in match[0]:
        return True
    return match[0].lower().startswith(("from", "between")) or ":" in match[0] or match[6] is not None


def _weekday(match: re.Match[str], today: date) -> tuple[date, int]:
    """The next such day after today; "next" means the one of the week after this."""
    wanted = next(number for number, day in enumerate(DAYS) if day.startswith(match[2].lower()[:3]))
    if (match[1] or "").lower().startswith("next"):
        return today + timedelta(days=7 - today.weekday() + wanted), 1
    return today + timedelta(days=(wanted - today.weekday() - 1) % 7 + 1), 1


def _of_month(day: str, month: str, year: str | None, today: date) -> tuple[date, int]:
    number = next(number for number, name in enumerate(MONTHS, 1) if name.startswith(month.lower()[:3]))
    found = date(int(year) if year else today.year, number, int(day))
    # Without a year, a day that is over is next year's.
    return (found if year or found >= today else found.replace(year=today.year + 1)), 1


def _later(match: re.Match[str], today: date) -> tuple[date, int]:
    n, unit = _number(match[1]), match[2].lower()[0]
    return moved_date(today, days=n * {"d": 1, "w": 7, "m": 0}[unit], months=n if unit == "m" else 0), 1


def _week(match: re.Match[str], today: date) -> tuple[date, int]:
    is_next = match[1].lower() == "next"
    unit = match[2].lower()
    if unit == "month":
        first = moved_date(today.replace(day=1), months=1) if is_next else today
        return first, (moved_date(first.replace(day=1), months=1) - first).days
    monday = today + timedelta(days=(7 if is_next else 0) - today.weekday())
    if unit == "weekend":
        return max(monday + timedelta(days=5), today), 2 if monday + timedelta(days=5) >= today else 1
    return max(monday, today), (monday + timedelta(days=7) - max(monday, today)).days


_Reading = Callable[["re.Match[str]", date], "tuple[date, int]"]


def _compiled(*rules: tuple[str, _Reading]) -> list[tuple[re.Pattern[str], _Reading]]:
    return [(re.compile(pattern, re.IGNORECASE), reading) for pattern, reading in rules]


_SPANS = _compiled(
    (r"\b(?:on |for |during )?(?:the )?(this|next|the|coming) (weekend|week|month)\b", _week),
    (rf"\b(?:in|for|during|over) the next {_N} days\b", lambda m, today: (today, max(1, _number(m[1])))),
)
_DATES = _compiled(
    (rf"{_BEFORE}\b(?:the )?day after tomorrow\b", lambda _, today: (today + timedelta(days=2), 1)),
    (rf"{_BEFORE}\b(today|tonight|this (?:morning|afternoon|evening))\b", lambda _, today: (today, 1)),
    (rf"{_BEFORE}\btomorrow\b", lambda _, today: (today + timedelta(days=1), 1)),
    (rf"{_BEFORE}\byesterday\b", lambda _, today: (today - timedelta(days=1), 1)),
    (rf"{_BEFORE}\b(\d{{4}}-\d\d-\d\d)\b", lambda m, _: (date.fromisoformat(m[1]), 1)),
    (
        rf"{_BEFORE}\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?,?(?: (\d{{4}}))?",
        lambda m, today: _of_month(m[1], m[2], m[3], today),
    ),
    (
        rf"{_BEFORE}\b({_MONTH})\b\.? (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b,?(?: (\d{{4}}))?",
        lambda m, today: _of_month(m[2], m[1], m[3], today),
    ),
    (rf"{_BEFORE}\b(?:in|within) {_N} (days?|weeks?|months?)\b", _later),
    (rf"{_BEFORE}\b(next |this |coming )?({_DAY})\b", _weekday),
    (
        rf"{_BEFORE}\b(?:christmas(?: day)?)\b",
        lambda _, today: _of_month("25", "december", None, today),
    ),
    (rf"{_BEFORE}\b(?:new year(?:'s day)?)\b", lambda _, today: _of_month("1", "january", None, today)),
)
_DAYS = re.compile(r"\bfrom (.+?) (?:to|until|till|through) (.+?)$", re.IGNORECASE)
_FROM_TO = re.compile(
    r"\b(?:from |between )?(\d{1,2})(?::(\d\d))?\s*(am|pm)?\s*(?:to|until|till|and|-)"
    r"\s*(\d{1,2})(?::(\d\d))?\s*(am|pm)?\b(?! (?:days?|weeks?|minutes?|people|percent))",
    re.IGNORECASE,
)
_DURATION = re.compile(rf"\b(?:for |taking )({_N[1:-1]}|half an) (minutes?|mins?|hours?)\b", re.IGNORECASE)


def _time(hour: str, minute: str | None, half: str | None) -> time | None:
    number = int(hour)
    if half is not None:
        if not 1 <= number <= 12:
            return None
        number = number % 12 + (12 if half.lower() == "pm" else 0)
    return time(number, int(minute or 0)) if number < 24 and int(minute or 0) < 60 else None


_TIMES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], time | None]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), clock)
    for pattern, clock in (
        (r"\b(?:at )?(?:noon|midday)\b", lambda _: time(12)),
        (r"\b(?:at )?half past (\d{1,2})\b", lambda m: _time(m[1], "30", None)),
        (r"\b(?:at |to |by )?(\d{1,2}):(\d\d)\s*(am|pm)?\b", lambda m: _time(m[1], m[2], m[3])),
        (r"\b(?:at |to |by )?(\d{1,2})()\s*(am|pm)\b", lambda m: _time(m[1], None, m[3])),
        (r"\b(?:at|to) (\d{1,2})(?: o'?clock)?(?=\W*$|\W+(?:for|in|at|with|on)\b)", lambda m: _time(m[1], None, None)),
        (r"\b(\d{1,2}) o'?clock\b", lambda m: _time(m[1], None, None)),
    )
)
