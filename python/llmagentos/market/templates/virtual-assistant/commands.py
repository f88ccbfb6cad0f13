"""What a sentence asks of the assistant, by rules: the same sentence always does the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from phrases import When, read_when

from llmagentos.tools.words import ENGLISH_STOP_WORDS, words

Action = Literal[
    "agenda", "free", "add_event", "move_event", "remove_event", "find_event",
    "add_todo", "list_todos", "complete_todo", "remove_todo",
    "add_note", "find_note",
    "calculate", "clock", "days_until", "weekday",
    "help", "greeting", "thanks", "yes", "no", "unknown",
]  # fmt: skip


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


_EVENT = r"(?:appointment|meeting|event|entry)"
_LIST = r"(?:to-?do(?:s| list)?|tasks?|list)"
# In this order; the last group of each is what it is about.
_RULES: tuple[tuple[Action, re.Pattern[str]], ...] = tuple(
    (action, re.compile(pattern, re.IGNORECASE))
    for action, pattern in (
        ("yes", r"\W*(?:yes|yep|yeah|sure|ok|okay|do it|please do|confirm)\W*(?:please)?\W*"),
        ("no", r"\W*(?:no|nope|don'?t|cancel|never mind|leave it)\W*(?:thanks|thank you|leave it|keep it|don'?t)?\W*"),
        ("greeting", r"\W*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b.{0,15}"),
        ("thanks", r".{0,15}\b(?:thanks|thank you)\b.{0,20}"),
        ("help", r"\W*(?:help|what can you do|how does this work)\b.*"),
        ("add_note", r"\W*(?:note|make a note|take a note|write down|remember)(?: that|:)?\s+(?!to\b)(?P<about>.+)"),
        ("find_note", r"(?:.*\bdid i (?:note|write down|say)|.*\bmy notes?(?: say)?)\b(?: about| on| of)?\s*(?P<about>.*)"),
        (
            "add_todo",
            r"\W*(?:please )?(?:remind me(?: to| about)?|remember to|don'?t (?:let me )?forget(?: to)?"
            r"|i (?:need(?: to)?|have to|must|should|want to)|to-?do:?)\s+(?P<about>.+)",
        ),
        (
            "add_todo",
            rf"\W*(?:please )?(?:add|put)\s+(?P<about>.+?)\s+(?:to|on|in) (?:my |the )?(?:to-?do |shopping )?{_LIST}\b.*",
        ),
        (
            "complete_todo",
            r"\W*(?:(?:i(?:'m| am|'ve| have)?|i) )?(?:am )?(?:done with|finished(?: with)?|completed?|check off|tick off)\s+(?P<about>.+)",
        ),
        ("complete_todo", r"\W*mark\s+(?P<about>.+?)\s+(?:as )?done\W*|\W*i(?:'ve| have)? (?P<did>\w+ed .+|bought .+|paid .+)"),
        ("remove_todo", rf"\W*(?:remove|delete|drop|take)\s+(?P<about>.+?)\s+(?:from|off) (?:my |the )?(?:to-?do )?{_LIST}\b.*"),
        ("list_todos", rf".*\b(?:my|the|open) {_LIST}\W*|.*\bwhat(?:'s| is| do i have)?\b.*\b(?:left )?to do\b.*"),
        ("list_todos", rf"\W*(?:list|show)(?: me)?(?: my| the| all)* {_LIST}\W*"),
        ("free", r".*\b(?:am i|are we) (?:free|available|busy)\b(?P<about>.*)|.*\b(?:do i have|is there) (?:any )?time\b.*"),
        ("days_until", r".*\bhow (?:many days|long)\b.*\b(?:until|till|to|before|since)\b(?P<about>.*)"),
        ("weekday", r".*\b(?:what|which) (?:week)?day(?: of the week)? (?:is|was|will)\b(?P<about>.*)"),
        ("clock", r".*\bwhat(?:'s| is)? (?:the )?(?:time|date|day)\b(?: is it)?(?: now)?(?: (?:in|at) (?P<about>.+?))?\W*"),
        (
            "agenda",
            r"\W*(?:show|list|tell)(?: me)? (?:my |the )?(?:calendar|agenda|schedule|appointments|events|meetings|day|week)\b(?P<about>.*)",
        ),
        (
            "agenda",
            r".*\bwhat(?:'s| is| do i have|'s there| is there| have i got| am i doing)\b(?: on| planned| in)*(?: my| the)?"
            r"(?: calendar| agenda| schedule)?(?: for| on| like)?(?P<about>.*)",
        ),
        ("find_event", r"\W*(?:when(?:'s| is| are| was| do i have| will i)|what time is)\s+(?:my |the |our )?(?P<about>.+)"),
        (
            "move_event",
            rf"\W*(?:please )?(?:move|shift|reschedule|postpone|change)\s+(?:my |the )?(?:{_EVENT} )?(?P<about>.+)",
        ),
        ("remove_event", rf"\W*(?:please )?(?:cancel|remove|delete)\s+(?:my |the )?(?:{_EVENT} (?:with )?)?(?P<about>.+)"),
        (
            "add_event",
            r"\W*(?:please )?(?:add|schedule|book|plan|create|enter|put|new|set up|i have|i've got)\s+(?:an? |the |my )?"
            r"(?:(?:event|entry|appointment):? (?!with|at|on|in|about|for))?"
            r"(?P<about>.+)",
        ),
    )
)
_PLACE = re.compile(r"\s+(?:at|in) (?:the )?(?P<place>[A-Z0-9][\w .'-]*)$")
_CALENDAR = frozenset(("calendar", "agenda", "schedule", "appointments", "events", "meetings", "day", "week", "planned", "like"))
_CALENDAR_TAIL = re.compile(r"\s+(?:to|in|on|into) (?:my |the )?calendar\b", re.IGNORECASE)
_ARITHMETIC = re.compile(r"[-+*/^×÷%(]|\d x \d|\b(?:plus|minus|times|divided by|percent|square root)\b", re.IGNORECASE)
_ASKS_VALUE = re.compile(r"\s*(?:what(?:'s| is)|how much (?:is|are)|calculate|compute)?\s*(?P<about>.+?)\s*[=?]*\s*", re.IGNORECASE)


def read_command(text: str, today: date) -> Command:
    """What a sentence asks for."""
    text = " ".join(text.split())
    asked = _ASKS_VALUE.fullmatch(text)
    if asked is not None and expression_of(asked["about"]) is not None:
        return Command("calculate", asked["about"])
    for action, pattern in _RULES:
        if (match := pattern.fullmatch(text)) is not None:
            about = next((group for group in match.groupdict().values() if group), "").strip()
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
