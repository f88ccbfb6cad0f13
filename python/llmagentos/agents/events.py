"""What `Agent.stream` tells of a run while it goes on, and what a run comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from llmagentos.agents.records import Call, Outcome, Record
from llmagentos.agents.session import Session
from llmagentos.completion import Usage

Status = Literal["done", "needs_approval", "step_limit", "length", "timeout", "blocked", "invalid_output"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the model's text. Where guards look at answers, it is all of an answer, once they have."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A tool is about to run."""

    call: Call


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """What came of a call.

    Attributes:
        outcome: "ok", "error", "timeout", "denied" (by a person), "blocked" (by a guard), or "unknown" (a run was
            stopped while the tool ran, and running it again might do something twice).
        text: what the model is told.
    """

    call: Call
    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class Retried:
    """Something failed, and is tried again.

    Attributes:
        what: the tool's name, or "answer" for an answer that is not what `output_type` says.
        attempt: which one failed, from 1.
    """

    what: str
    reason: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """Memory shows the model something else than the whole conversation; says what."""

    note: str


@dataclass(frozen=True, slots=True)
class GuardActed:
    """A guard changed a text or stopped it.

    Attributes:
        stage: "input", "output", "call" or "result".
        action: "replace" or "block".
    """

    guard: str
    stage: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class HandedOff:
    """Another agent goes on."""

    agent: str


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """A call waits for a person: `session.approve(call.id)` or `session.reject(call.id)`, then `agent.resume`."""

    call: Call


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What a run came to.

    Attributes:
        status: "done"; or why the run ended before: "needs_approval", "step_limit", "length" (an answer was cut at
            `max_tokens`), "timeout" (one was cut at its time limit), "blocked" (by a guard), "invalid_output".
        text: the answer, or as much as there is of it.
        output: the answer as an object of `output_type`, or the text where there is none; None unless done.
        steps: answers of the model in this turn.
        usage: tokens of these answers together.
        session: the conversation, to be gone on with or resumed.
        pending: calls that wait for an approval.
    """

    status: Status
    text: str
    output: Any
    steps: int
    usage: Usage
    session: Session = field(repr=False)
    pending: Sequence[Call] = ()

    @property
    def records(self) -> Sequence[Record]:
        """What happened in this turn."""
        return self.session.turn


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of a run."""

    result: AgentResult


Event: TypeAlias = (
    "TextDelta | ToolCalled | ToolReturned | Retried | Remembered | GuardActed | HandedOff | ApprovalNeeded | Done"
)
