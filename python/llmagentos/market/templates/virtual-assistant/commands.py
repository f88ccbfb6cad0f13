"""What a sentence asks of the assistant, by rules: the same sentence always does the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from phrases import When, read_when
from rules import RULES, Action

from llmagentos.tools.words import ENGLISH_STOP_WORDS, words


@dataclass(frozen=True, slots=True)
class Command:
    """What to do.

    Attributes:
        text: what it is about: a title, an entry, an expression, a place.
        place: where an event is.
    """

    action: Action
    text: str = ""
    place: str = ""
    when: When = field(default_factory=When)


_PLACE = re.compile(r"\s+(?:at|in) (?:the )?(?P<place>[A-Z0-9][\w .'-]*)$")
_CALENDAR = frozenset(
    (
        "calendar",
        "agenda",
        "schedule",
        "appointments",
        "events",
        "meetings",
        "day",
        "week",
        "planned",
        "look",
        "looks",
        "like",
    )
)
_CALENDAR_TAIL = re.compile(r"\s+(?:to|in|on|into) (?:my |the )?calendar\b", re.IGNORECASE)
_ARITHMETIC = re.compile(r"[-+*/^×÷%(]|\d x \d|\b(?:plus|minus|times|divided by|percent|square root)\b", re.IGNORECASE)
_ASKS_VALUE = re.compile(
    r"\s*(?:what(?:'s| is)|how much (?:is|are)|calculate|compute)?\s*(?P<about>.+?)\s*[=?]*\s*", re.IGNORECASE
)


def read_command(text: str, today: date) -> Command:
    """What a sentence asks for."""
    text = " ".join(text.split())
    asked = _ASKS_VALUE.fullmatch(text)
    if asked is not None and expression_of(asked["about"]) is not None:
        return Command("calculate", asked["about"])
    for action, pattern in RULES:
        if (match := re.fullmatch(pattern, text, re.IGNORECASE)) is not None:
            about = (match.groupdict().get("about") or "").strip()
            command = _completed(action, about, text, today)
            if command is not None:
                return command
    when = read_when(text, today)
    if when.day is not None and when.time is not None and "?" not in text and when.rest:
        return _completed("add_event", text, text, today) or Command("unknown", text)
    return Command("unknown", text)


def _completed(action: Action, about: str, text: str, today: date) -> Command | None:
    """The command with its days and times; None where a rule's words turn out to mean something else."""
    if action in ("clock", "add_note", "find_note"):
        return Command(action, about.strip(" ?."))
    when = read_when(about if action not in ("agenda", "free") else text, today)
    rest = when.rest.strip(" ?.!")
    if action in ("days_until", "weekday") and when.day is None:
        return None
    if action == "agenda":
        said = set(words(read_when(about, today).rest))
        named = when.day is not None or not _CALENDAR.isdisjoint(words(text))
        return Command(action, when=when) if named and said <= _CALENDAR | ENGLISH_STOP_WORDS else None
    if action == "add_event":
        rest = _CALENDAR_TAIL.sub("", rest)
        place = _PLACE.search(rest)
        title = rest[: place.start()] if place else rest
        return Command(action, title.strip(), place["place"].strip() if place else "", when)
    return Command(action, rest, when=when)


def expression_of(text: str) -> str | None:
    """Arithmetic in words and signs as the calculator writes it; None where the text is none."""
    if not _ARITHMETIC.search(text) or not any(map(str.isdigit, text)):
        return None
    found = text.lower()
    for pattern, sign in (
        (r"(?<=\d),(?=\d{3}\b)", ""),
        (r"(?<=\d)\s*x\s*(?=\d)", "*"),
        (r"\bsquare root of (\d+(?:\.\d+)?)", r"sqrt(\1)"),
        (r"(?:%|\bpercent)\s+of\b", "/100*"),
        (r"(\d+(?:\.\d+)?)\s*([-+])\s*(\d+(?:\.\d+)?)\s*(?:%|percent)$", r"\1*(1\g<2>\3/100)"),
        (r"\bplus\b", "+"),
        (r"\bminus\b", "-"),
        (r"\b(?:times|multiplied by)\b", "*"),
        (r"\bdivided by\b|\bover\b", "/"),
    ):
        found = re.sub(pattern, sign, found)
    is_plain = re.fullmatch(r"(?:[\d\s.+*/^()×÷%-]|sqrt)+", found) and not re.fullmatch(r"[\d\s-]+-\d\d", found)
    return found.strip() if is_plain else None
