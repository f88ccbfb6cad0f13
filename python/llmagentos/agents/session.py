"""A conversation that is kept: records in the order in which they happened, and what follows from them."""

from __future__ import annotations

import json
import threading
import uuid
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from llmagentos.agents.records import (
    Answer,
    Approval,
    Call,
    CallResult,
    CallStarted,
    Handoff,
    Record,
    TurnEnded,
    UserInput,
    conversation,
    to_json,
)
from llmagentos.agents.texts import as_unicode
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, shown

_lock = threading.Lock()
# The session objects that a run goes on with, by their ids: one may be dropped with a stream that was never closed, and
# its id is then another's.
_running: dict[int, weakref.ref[Session]] = {}


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A call without a result.

    Attributes:
        idempotency_key: that it was started with; None where it has not been.
        approval: what a person decided about it; None where nobody has.
    """

    call: Call
    idempotency_key: str | None
    approval: Approval | None


class Session(ABC):
    """One conversation. A run writes each thing down before it goes on, so that another can go on where it stopped.

    Attributes:
        id: names the conversation.
    """

    id: str

    @property
    @abstractmethod
    def records(self) -> Sequence[Record]:
        """Everything so far."""

    @abstractmethod
    def append(self, *records: Record) -> None:
        """Adds records, all or none of them; when it returns they are kept as well as this kind of session keeps them.

        Raises:
            LLMAgentOSError: somebody else has added to the conversation since it was read.
        """

    @contextmanager
    def running(self) -> Iterator[None]:
        """Held by a run from its beginning to its end: a conversation has one run at a time.

        Raises:
            InvalidRequestError: a run of this session is going on.
        """
        with _lock:
            held = _running.get(id(self))
            if held is not None and held() is self:
                raise runs_already(self.id)
            _running[id(self)] = weakref.ref(self)
        try:
            yield
        finally:
            with _lock:
                _running.pop(id(self), None)

    def close(self) -> None:  # noqa: B027  (most sessions hold nothing open)
        """Gives back what the session holds open."""

    @property
    def turn(self) -> Sequence[Record]:
        """The records of the last turn, from the user's input on."""
        records = self.records
        starts = [index for index, record in enumerate(records) if isinstance(record, UserInput)]
        return records[starts[-1] :] if starts else ()

    @property
    def is_in_turn(self) -> bool:
        """Whether the last turn has not ended: a run was stopped in it, or waits for a person."""
        turn = self.turn
        return bool(turn) and not isinstance(turn[-1], TurnEnded)

    @property
    def active_agent(self) -> str | None:
        """The agent that the conversation was handed to; None where it was not."""
        names = [record.agent for record in self.records if isinstance(record, Handoff)]
        return names[-1] if names else None

    @property
    def pending(self) -> list[PendingCall]:
        """Calls of the last turn without a result, in their order."""
        turn = self.turn
        done = {record.call_id for record in turn if isinstance(record, CallResult)}
        keys = {record.call_id: record.idempotency_key for record in turn if isinstance(record, CallStarted)}
        approvals = {record.call_id: record for record in turn if isinstance(record, Approval)}
        calls = [call for record in turn if isinstance(record, Answer) for call in record.calls]
        return [PendingCall(call, keys.get(call.id), approvals.get(call.id)) for call in calls if call.id not in done]

    def approve(self, call_id: str) -> None:
        """Allows a pending call; it runs when the session is resumed.

        Raises:
            InvalidRequestError: no call of that id waits for it.
        """
        self._decide(call_id, is_allowed=True, reason="")

    def reject(self, call_id: str, reason: str = "") -> None:
        """Forbids a pending call; the model is told so, and why.

        Raises:
            InvalidRequestError: no call of that id waits for it.
        """
        self._decide(call_id, is_allowed=False, reason=reason)

    def _decide(self, call_id: str, is_allowed: bool, reason: str) -> None:
        waiting = [item.call.id for item in self.pending if item.approval is None and item.idempotency_key is None]
        if call_id not in waiting:
            listed = ", ".join(waiting) or "none"
            raise InvalidRequestError(f"no call {shown(call_id)} waits for an approval; those that do: {listed}")
        self.append(Approval(call_id, is_allowed, as_unicode(reason)))

    def to_json(self) -> str:
        """The whole conversation as text, for `MemorySession.from_json`."""
        return json.dumps({"id": self.id, "records": [to_json(record) for record in self.records]})


def runs_already(session_id: str) -> InvalidRequestError:
    """What refuses a second run of a conversation beside the first."""
    return InvalidRequestError(
        f"a run of the session {session_id!r} is going on: wait for its end, or close its stream or cancel it"
    )


class MemorySession(Session):
    """A conversation that lives as long as the process, or as the text that `to_json` makes of it."""

    def __init__(self, id: str | None = None, records: Sequence[Record] = ()) -> None:
        self.id = id or uuid.uuid4().hex
        self._records = list(records)

    @property
    def records(self) -> Sequence[Record]:
        return self._records

    def append(self, *records: Record) -> None:
        self._records += records

    @classmethod
    def from_json(cls, text: str) -> MemorySession:
        """The conversation that `to_json` made this text of.

        Raises:
            LLMAgentOSError: it is none.
        """
        try:
            value = json.loads(text)
            id, records = value["id"], value["records"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise LLMAgentOSError(f"this is no saved session: {error}") from None
        if not isinstance(id, str) or not isinstance(records, list):
            raise LLMAgentOSError("this is no saved session: its id must be a string, its records a list")
        return cls(id, conversation(records))
