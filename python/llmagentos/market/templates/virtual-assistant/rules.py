"""The rules by which sentences are read: what each asks for, and the part that says of what."""

from __future__ import annotations

from typing import Literal

Action = Literal[
    "agenda", "free", "add_event", "move_event", "remove_event", "find_event",
    "add_todo", "list_todos", "complete_todo", "remove_todo",
    "add_note", "find_note",
    "calculate", "repeat", "clock", "days_until", "weekday",
    "help", "greeting", "thanks", "farewell", "yes", "no", "unknown",
]  # fmt: skip

_PLEASE = r"\W*(?:please )?"
_MY = r"(?:an? |the |my |our )?"
_EVENT = r"(?:appointment|meeting|event|entry)"
_CALENDAR = r"(?:calendar|agenda|schedule|appointments|events|meetings|day|week)"
_LIST = r"(?:to-?do |shopping )?(?:to-?dos?|tasks?|list)"
_REMIND = r"(?:remind me(?: to| about)?|remember to|don'?t (?:let me )?forget(?: to)?|to-?do:?)"
_HAVE_TO = r"i (?:need(?: to)?|have to|must|should|want to)"
_DONE = r"(?:done with|finished(?: with)?|completed?|check off|tick off)"
_ADD = r"(?:add|schedule|book|plan|create|enter|put|new|set up|i have|i've got)"
_WHAT = r"what(?:'s| is| do i have|'s there| is there| have i got| am i doing)"
_ABOUT = r"(?P<about>.+)"

# Regular expressions, in any case. The first counts that the whole sentence fits.
RULES: tuple[tuple[Action, str], ...] = (
    ("repeat", r".*\b(?:every|each) (?:other )?(?:day|week|month|year|morning|evening|\w+day)\b.*"),
    ("yes", r"\W*(?:yes|yep|yeah|sure|ok|okay|do it|please do|confirm)\W*(?:please)?\W*"),
    ("no", r"\W*(?:no|nope|don'?t|cancel|never mind|leave it)\W*(?:thanks|thank you|leave it|keep it|don'?t)?\W*"),
    ("greeting", r"\W*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b.{0,15}"),
    ("thanks", r".{0,15}\b(?:thanks|thank you)\b.{0,20}"),
    ("farewell", r"\W*(?:good ?bye|bye|see you)\b.{0,15}"),
    ("help", r"\W*(?:help|what can you do|how does this work)\b.*"),
    ("add_note", rf"\W*(?:note|make a note|take a note|write down|remember)(?: that|:)?\s+(?!to\b){_ABOUT}"),
    ("find_note", r".*\bdid i (?:note|write down|say)\b(?: about| on| of)?\s*(?P<about>.*)"),
    ("find_note", r".*\bmy notes?\b(?: say)?(?: about| on| of)?\s*(?P<about>.*)"),
    ("add_todo", rf"{_PLEASE}(?:{_REMIND}|{_HAVE_TO})\s+{_ABOUT}"),
    ("add_todo", rf"{_PLEASE}(?:add|put)\s+(?P<about>.+?)\s+(?:to|on|in) {_MY}{_LIST}\b.*"),
    ("complete_todo", rf"\W*(?:i(?:'m| am|'ve| have)? )?{_DONE}\s+{_ABOUT}"),
    ("complete_todo", r"\W*mark\s+(?P<about>.+?)\s+(?:as )?done\W*"),
    ("complete_todo", r"\W*i(?:'ve| have)? (?P<about>(?:\w+ed|bought|paid|sent|wrote|made) .+)"),
    ("remove_todo", rf"{_PLEASE}(?:remove|delete|drop|take)\s+(?P<about>.+?)\s+(?:from|off) {_MY}{_LIST}\b.*"),
    ("list_todos", rf".*\b(?:my|the|open) {_LIST}\W*"),
    ("list_todos", rf"\W*(?:list|show)(?: me)?(?: my| the| all)* {_LIST}\W*"),
    ("list_todos", r".*\bwhat(?:'s| is| do i have)?\b.*\b(?:left )?to do\b.*"),
    ("free", r".*\b(?:am i|are we) (?:free|available|busy)\b.*"),
    ("free", r".*\b(?:do i have|is there) (?:any )?time\b.*"),
    ("days_until", r".*\bhow (?:many days|long)\b.*\b(?:until|till|to|before|since)\b(?P<about>.*)"),
    ("weekday", r".*\b(?:what|which) (?:week)?day(?: of the week)? (?:is|was|will)\b(?P<about>.*)"),
    ("clock", r".*\bwhat(?:'s| is)? (?:the )?(?:time|date|day)\b(?: is it)?(?: now| today)?\W*"),
    ("clock", r".*\bwhat(?:'s| is)? (?:the )?time(?: is it)?(?: now)? (?:in|at) (?P<about>.+?)\W*"),
    ("agenda", rf"\W*(?:show|list|tell)(?: me)? {_MY}{_CALENDAR}\b(?P<about>.*)"),
    ("agenda", rf".*\b{_WHAT}\b(?: on| planned| in)*(?: my| the)?(?P<about>.*)"),
    ("agenda", r"\W*(?:do i have|have i got|is there) (?:anything|something|plans|any \w+)\b(?P<about>.*)"),
    ("find_event", rf"\W*(?:when(?:'s| is| are| was| do i have| will i)|what time is)\s+{_MY}{_ABOUT}"),
    ("move_event", rf"{_PLEASE}(?:move|shift|reschedule|postpone|change)\s+{_MY}(?:{_EVENT} )?{_ABOUT}"),
    ("remove_event", rf"{_PLEASE}(?:cancel|remove|delete)\s+{_MY}(?:{_EVENT} (?:with )?)?{_ABOUT}"),
    ("add_event", rf"{_PLEASE}{_ADD}\s+{_MY}(?:(?:event|entry):? )?{_ABOUT}"),
)
