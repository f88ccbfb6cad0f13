"""What happened in a conversation, as records that are only ever added. All state of a run follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias

from llmagentos.completion import Usage
from llmagentos.errors import LLMAgentOSError, shown

Outcome = Literal["ok", "error", "timeout", "denied", "blocked", "unknown"]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that a model wants called.

    Attributes:
        id: names the call; no other of its conversation has it.
        arguments: JSON text as the model wrote it, valid or not.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class UserInput:
    """What the user said, which begins a turn."""

    kind: ClassVar[str] = "user_input"
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered.

    Attributes:
        agent: name of the agent that asked it.
        seen: what the model was shown besides the conversation, or in place of parts of it, as memory says.
        finish_reason: the model's, such as "length" for an answer that was cut.
    """

    kind: ClassVar[str] = "answer"
    agent: str
    text: str
    calls: tuple[Call, ...]
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    seen: tuple[str, ...] = ()

    @property
    def usage(self) -> Usage:
        return Usage(self.prompt_tokens, self.completion_tokens)


@dataclass(frozen=True, slots=True)
class Correction:
    """What the model is told of an answer that will not do."""

    kind: ClassVar[str] = "correction"
    text: str


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person decided about a call that needs it."""

    kind: ClassVar[str] = "approval"
    call_id: str
    is_allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A tool is about to run. Without a result after it, what the tool did is not known."""

    kind: ClassVar[str] = "call_started"
    call_id: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of a call, as the model is told."""

    kind: ClassVar[str] = "call_result"
    call_id: str
    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """Another agent goes on with the conversation."""

    kind: ClassVar[str] = "handoff"
    agent: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary stands for the first records, which are kept.

    Attributes:
        n_records: how many records it stands for.
    """

    kind: ClassVar[str] = "summary"
    text: str
    n_records: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over, why, and with what text."""

    kind: ClassVar[str] = "turn_ended"
    status: str
    text: str


Record: TypeAlias = (
    "UserInput | Answer | Correction | Approval | CallStarted | CallResult | Handoff | Summary | TurnEnded"
)

_KINDS: Mapping[str, type[Any]] = {
    kind.kind: kind
    for kind in (UserInput, Answer, Correction, Approval, CallStarted, CallResult, Handoff, Summary, TurnEnded)
}


def to_json(record: Record) -> dict[str, Any]:
    """The record as a JSON object."""
    return {"kind": record.kind, **asdict(record)}


def from_json(value: Any) -> Record:
    """The record that `to_json` made this of.

    Raises:
        LLMAgentOSError: it is none; names what is wrong.
    """
    kind = _KINDS.get(value.get("kind", "")) if isinstance(value, Mapping) else None
    if kind is None:
        raise LLMAgentOSError(f"{shown(value)} is no record of a conversation")
    given = {name: part for name, part in value.items() if name != "kind"}
    try:
        if kind is Answer:
            given["calls"] = tuple(Call(**call) for call in given["calls"])
            given["seen"] = tuple(given["seen"])
        record: Record = kind(**given)
    except (TypeError, KeyError) as error:
        names = ", ".join(field.name for field in fields(kind))
        raise LLMAgentOSError(f"a record {kind.kind!r} must have {names}: {error}") from None
    return record
