"""What a customer's message is about, by rules: numbers, mail addresses and a wish for a person are not guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Topic = Literal["identity", "person", "change", "status", "greeting", "thanks", "farewell", "question"]

_NUMBER = re.compile(r"\bAP[-\s]?(\d{5})\b", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PARCEL = r"(?:orders?|parcels?|packages?|delivery|shipment)"
_PEOPLE = r"(?:someone|somebody|a person|people|an? agent|a colleague|your staff)"
_TOPICS: tuple[tuple[Topic, str], ...] = (
    ("identity", r"\b(are you|is this|am i talking to) (an? )?(robot|bot|human|real|machine|ai|computer)\b"),
    ("identity", r"\b(who|what) are you\b"),
    ("person", r"\b(human|real person|live person|representative|supervisor|manager|complain(t|ing)?)\b"),
    ("person", rf"\b(talk|speak|chat|connect|get|ask for|want|need|call)\b.{{0,20}}\b{_PEOPLE}\b"),
    ("person", r"^\W*(a )?person\W*$"),
    ("change", rf"\b(cancel|change|modify|stop|call off)\b.{{0,15}}\b(my|the|this|that|an)\b.{{0,15}}\b{_PARCEL}\b"),
    ("change", r"\bchange\b.{0,25}\baddress\b|\b(cancel|stop) (it|this|that)\b|\bcancel AP\b"),
    ("status", rf"\bwhere('s| is| are| has)\b.{{0,20}}\b{_PARCEL}|\b{_PARCEL} status\b"),
    ("status", rf"\b(status|track|look up|check)\b.{{0,20}}\b{_PARCEL}"),
    ("status", rf"\bwhen\b.{{0,15}}\b(my|the) {_PARCEL}\b.{{0,20}}\b(come|arrive|here|delivered|get)"),
    ("status", rf"\b(has|have|was|is) (my|the) {_PARCEL}\b.{{0,20}}\b(shipped|sent|left|packed|paid|on its way)"),
)
# Of short messages only: "hi, how do I return this?" is a question.
_COURTESIES: tuple[tuple[Topic, str], ...] = (
    ("farewell", r".{0,20}\b(bye|goodbye|see you|that is all|that's all)\b.{0,15}"),
    ("thanks", r"\W*(ok|okay|great|perfect|good|fine|cheers)\W*"),
    ("thanks", r".{0,20}\b(thanks|thank you|thx)\b.{0,30}"),
    ("greeting", r"\W*(hi|hello|hey|good (morning|afternoon|evening|day))\b.{0,20}"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A customer's message.

    Attributes:
        number: of the order that it names, as AP-10442.
        mail: the mail address that it names, in lower case.
        is_bare: whether it is a number or an address and little else, as an answer to a question for them.
    """

    text: str
    topic: Topic
    number: str | None
    mail: str | None
    is_bare: bool


def read(text: str) -> Message:
    """What a message is about."""
    number, mail = _NUMBER.search(text), _MAIL.search(text)
    rest = re.findall(r"\w+", _MAIL.sub(" ", _NUMBER.sub(" ", text)))
    return Message(
        text=text,
        topic=_topic(text),
        number=f"AP-{number[1]}" if number else None,
        mail=mail[0].lower() if mail else None,
        is_bare=bool(number or mail) and len(rest) <= 8,
    )


def _topic(text: str) -> Topic:
    found = (topic for topic, pattern in _TOPICS if re.search(pattern, text, re.IGNORECASE))
    courtesies = () if "?" in text else _COURTESIES
    said = (topic for topic, pattern in courtesies if re.fullmatch(pattern, text, re.IGNORECASE))
    return next(found, None) or next(said, None) or "question"
