"""What a customer's message is about, by rules: an order's number, a mail address or a wish for a person is not guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Topic = Literal["person", "change", "status", "greeting", "thanks", "farewell", "question"]

_NUMBER = re.compile(r"\bAP[-\s]?(\d{5})\b", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PARCEL = r"(?:orders?|parcels?|packages?|delivery|shipment)"
_TOPICS: tuple[tuple[Topic, re.Pattern[str]], ...] = tuple(
    (topic, re.compile(pattern, re.IGNORECASE))
    for topic, pattern in (
        (
            "person",
            r"\b(human|real person|live person|representative|supervisor|manager|complain(t|ing)?)\b"
            r"|\b(talk|speak|chat|connect|get|ask for|want|need|call)\b.{0,20}\b(someone|somebody|a person|people|an? agent|"
            r"a colleague|your staff)\b|^\W*(a )?person\W*$",
        ),
        (
            "change",
            rf"\b(cancel|change|modify|stop|call off)\b.{{0,15}}\b(my|the|this|that|an|it)\b.{{0,15}}\b({_PARCEL}|address)\b"
            r"|\b(cancel|stop) (it|this|that)\b|\bcancel AP\b",
        ),
        (
            "status",
            rf"\bwhere('s| is| are| has)\b.{{0,20}}\b{_PARCEL}|\bstatus\b.{{0,20}}\b{_PARCEL}|\b{_PARCEL} status\b"
            rf"|\btrack\b.{{0,15}}\b{_PARCEL}|\bwhen\b.{{0,15}}\b(my|the) {_PARCEL}\b.{{0,20}}\b(come|arrive|here|delivered|get)"
            rf"|\b(has|have|was|is) (my|the) {_PARCEL}\b.{{0,20}}\b(shipped|sent|left|packed|paid|on its way)"
            rf"|\b(look up|check)\b.{{0,12}}\b{_PARCEL}",
        ),
    )
)
# Of short messages only: "hi, how do I return this?" is a question.
_COURTESIES: tuple[tuple[Topic, re.Pattern[str]], ...] = (
    ("greeting", re.compile(r"\W*(hi|hello|hey|good (morning|afternoon|evening|day))\b.{0,20}", re.IGNORECASE)),
    ("thanks", re.compile(r"\W*(ok|okay|great|perfect|good|fine|cheers)\W*|.{0,20}\b(thanks|thank you|thx)\b.{0,30}", re.IGNORECASE)),
    ("farewell", re.compile(r".{0,20}\b(bye|goodbye|see you|that is all|that's all)\b.{0,15}", re.IGNORECASE)),
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
    for topic, pattern in _TOPICS:
        if pattern.search(text):
            return topic
    is_question = "?" in text
    return next(
        (topic for topic, pattern in reversed(_COURTESIES) if not is_question and pattern.fullmatch(text)), "question"
    )
