"""The desk: reads a customer's message, answers it, or passes it on to people."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from answers import FILLERS, Entry, Knowledge
from messages import Message, read
from orders import Order, Orders
from tickets import Tickets

from llmagentos import Agent
from llmagentos.agents.cycle import text_of
from llmagentos.agents.sensors import Observation
from llmagentos.tools.words import without_stop_words, words

MAX_TRIES = 3  # at the number and mail address of an order
HOURS = "Monday to Friday from 9 to 17 o'clock"
GREETING = (
    "Hello! I answer questions about delivery, returns, payment and our products, look up orders, and pass on to our "
    "people what I do not know. How can I help?"
)
IDENTITY = (
    "I am a program, not a person. I answer from our help pages, look up orders, and pass everything else on to our "
    "people. To have one of them answer, say: I want a person."
)
NOT_FOUND = (
    "I find no order with that number and that mail address. Please check both: the number is in the confirmation, and "
    "the address is the one that you ordered with."
)

NO_NUMBER = "That is no order number of ours: they have five digits, as in AP-10442. It is in the confirmation by mail."
_DIGITS = re.compile(r"(?<![\w@.+-])\d{5}(?![\w@-])")  # of an order, left without its letters
_NO_NUMBER = re.compile(r"^\W*\w{0,4}\d[\w-]*\W*$|\bnumber\b.{0,10}\d", re.IGNORECASE)


class Desk(Agent):
    """Answers one customer's messages, one after the other.

    Args:
        clock: gives the present moment.
        options: `sensor` and `actuator`, as `Agent` takes them.
    """

    def __init__(
        self, knowledge: Knowledge, orders: Orders, tickets: Tickets, clock: Callable[[], datetime], **options: Any
    ) -> None:
        super().__init__(**options)
        self._knowledge, self._orders, self._tickets, self._clock = knowledge, orders, tickets, clock
        self._number: str | None = None
        self._mail: str | None = None
        self._order: Order | None = None
        self._wanted: Literal["status", "change"] | None = None  # of an order that is not known yet
        self._wish = ""  # what the customer wrote, wanting that
        self._n_tries = 0
        self._offered: tuple[Entry, ...] = ()  # that the customer was asked about
        self._asked = ""  # the question for which they were offered
        self._ticket: int | None = None
        self._lacks_mail = False  # whether the customer was asked where the ticket is to be answered to

    def decide(self, observation: Observation) -> Message:
        return read(text_of(observation))

    def act(self, action: Message) -> dict[str, Any]:
        if self._wanted is not None and action.number is None and (digits := _DIGITS.search(action.text)) is not None:
            action = read(action.text.replace(digits[0], f"AP-{digits[0]}"))
        if action.number is not None and action.number != self._number:
            self._number, self._order = action.number, None
        if action.mail is not None and action.mail != self._mail:
            self._mail, self._order = action.mail, None
        return {"text": self._reply(action)}

    def _reply(self, message: Message) -> str:
        offered, self._offered = self._offered, ()
        if offered and (chosen := self._chosen(message.text, offered)) is not None:
            return chosen
        if message.topic == "identity":
            return IDENTITY
        if message.topic == "person":
            return self._passed_on("the customer asks for a person", message.text)
        if message.topic in ("status", "change"):
            self._wanted = "change" if message.topic == "change" else "status"
            self._wish = message.text
            return self._about_order()
        if message.is_bare:
            if self._lacks_mail and message.mail is not None and message.number is None:
                return self._answered_to(message.mail)
            self._wanted = self._wanted or "status"
            return self._about_order()
        if self._wanted is not None and self._number is None and _NO_NUMBER.search(message.text):
            self._n_tries += 1
            if self._n_tries >= MAX_TRIES:
                return self._passed_on("an order whose number could not be read", message.text)
            return NO_NUMBER
        if message.topic == "greeting":
            return GREETING
        if message.topic == "thanks":
            return "Gladly. Is there anything else?"
        if message.topic == "farewell":
            return "Goodbye, and thank you for writing to us."
        return self._answer(message.text)

    def _answer(self, question: str) -> str:
        if not without_stop_words(words(question), FILLERS):
            return "Could you say in a few more words what it is about?"
        found = self._knowledge.find(question)
        if found.answer is not None:
            return _shown(found.answer)
        if not found.maybe:
            return f"I do not know that, and will not guess. {self._passed_on('not in the knowledge base', question)}"
        self._offered, self._asked = found.maybe, question
        headings = "\n".join(f"{number}. {entry.heading}" for number, entry in enumerate(found.maybe, 1))
        return f"I am not sure what you mean. Is it this? Say the number, or no, and I pass it on.\n{headings}"

    def _chosen(self, text: str, offered: tuple[Entry, ...]) -> str | None:
        """What is said to an answer about entries that were offered; None where it is none."""
        said = text.strip(" .!").lower()
        if said.isdigit() and 1 <= int(said) <= len(offered):
            return _shown(offered[int(said) - 1])
        if re.match(r"(yes|yep|yeah)\b", said):
            if len(offered) == 1:
                return _shown(offered[0])
            self._offered = offered
            return f"Which one? Say a number from 1 to {len(offered)}, or no."
        if re.match(r"(no|none|neither|nope)\b", said):
            return self._passed_on("not in the knowledge base", self._asked)
        return None

    # Orders

    def _about_order(self) -> str:
        if self._number is None or self._mail is None:
            lacking = [
                *(["the order number (such as AP-10442)"] if self._number is None else []),
                *(["the mail address that you ordered with"] if self._mail is None else []),
            ]
            return f"Please tell me {' and '.join(lacking)}."
        if self._ticket is not None and self._lacks_mail:
            self._answered_to(self._mail)
        if self._order is None:
            if self._n_tries >= MAX_TRIES:
                return self._passed_on("an order that could not be found", f"{self._number}, {self._mail}")
            self._order = self._orders.find(self._number, self._mail)
            if self._order is None:
                self._n_tries += 1
                return NOT_FOUND
        wanted, self._wanted = self._wanted, None
        return self._change(self._order) if wanted == "change" else self._status(self._order)

    def _status(self, order: Order) -> str:
        told = order.told(self._clock().date())
        if order.is_late(self._clock().date()):
            return f"{told}\n{self._passed_on('a parcel is late', order.number)}"
        return told

    def _change(self, order: Order) -> str:
        """What a customer wants changed is a person's to do; whether it still can be is known here."""
        if order.is_open:
            return f"Order {order.number} is still here. {self._passed_on(f'change of {order.number}', self._wish)}"
        state = {"shipped": "has left our warehouse", "delivered": "was delivered", "cancelled": "was cancelled"}
        if order.status == "cancelled":
            return f"Order {order.number} {state[order.status]} already."
        return (
            f"Order {order.number} {state[order.status]}, so it can no longer be changed. You can return it within 30 "
            "days of delivery, with the label that came with it; we pay for the way back."
        )

    # People

    def _passed_on(self, why: str, said: str) -> str:
        """Opens a ticket, or adds to that of this conversation; what the customer is told of it."""
        if self._ticket is None:
            self._ticket = self._tickets.add(self._clock(), self._mail, [f"{why}: {said}"])
            done = f"I have passed it on to our people as ticket {self._ticket}."
        else:
            self._tickets.note(self._ticket, f"{why}: {said}")
            done = f"I have added it to your ticket {self._ticket}."
        if self._mail is None:
            self._lacks_mail = True
            return f"{done} To which mail address should they answer?"
        self._tickets.answer_to(self._ticket, self._mail)
        return f"{done} They answer to {self._mail}, {HOURS}."

    def _answered_to(self, mail: str) -> str:
        assert self._ticket is not None  # noqa: S101 (the address was asked for because of it)
        self._tickets.answer_to(self._ticket, mail)
        self._lacks_mail = False
        return f"Thank you. Ticket {self._ticket} is answered to {mail}, {HOURS}."


def _shown(entry: Entry) -> str:
    return f"{entry.text}\n[{entry.source}:{entry.line} {entry.heading}]"
