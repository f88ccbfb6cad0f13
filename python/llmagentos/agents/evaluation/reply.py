"""What came of one turn of a conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmagentos.agents.records import Answer, CallResult, Outcome

if TYPE_CHECKING:
    from llmagentos.agents.session import Session


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A tool that was called.

    Attributes:
        arguments: JSON text as the model wrote it.
        outcome: None where the call waits for a person.
    """

    name: str
    arguments: str
    outcome: Outcome | None

    @property
    def parsed(self) -> Mapping[str, Any] | None:
        """The arguments; None where they are no JSON object."""
        try:
            parsed = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered.

    Attributes:
        status: of an agent's run; None for functions, which have none.
        calls: of tools, in this turn so far.
        total_tokens: that the turn's answers cost; None where that is not known.
    """

    text: str
    status: str | None = None
    calls: tuple[MadeCall, ...] = ()
    total_tokens: int | None = None


def calls_of(session: Session) -> tuple[MadeCall, ...]:
    """The calls of the session's last turn."""
    outcomes = {record.call_id: record.outcome for record in session.turn if isinstance(record, CallResult)}
    return tuple(
        MadeCall(call.name, call.arguments, outcomes.get(call.id))
        for record in session.turn
        if isinstance(record, Answer)
        for call in record.calls
    )
