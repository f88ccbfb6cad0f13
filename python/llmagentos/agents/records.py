"""What happened in a conversation, as records that are only ever added. All state of a run follows from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

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
    kind = _KINDS.get(str(value.get("kind"))) if isinstance(value, Mapping) else None
    if kind is None:
        raise LLMAgentOSError(f"{shown(value)} is no record of a conversation")
    given = {name: part for name, part in value.items() if name != "kind"}
    try:
        if kind is Answer:
            given["calls"] = tuple(_typed(Call(**call)) for call in given["calls"])
            given["seen"] = tuple(given["seen"])
        record: Record = _typed(kind(**given))
    except (TypeError, KeyError) as error:
        names = ", ".join(field.name for field in fields(kind))
        raise LLMAgentOSError(f"a record {kind.kind!r} must have {names}: {error}") from None
    return record


def conversation(values: Iterable[Any]) -> list[Record]:
    """The records that `to_json` made these of, in an order in which they can have happened.

    Raises:
        LLMAgentOSError: they are none, or one is out of place; names what is wrong.
    """
    records: list[Record] = []
    calls: set[str] = set()
    for value in values:
        record = from_json(value)
        if isinstance(record, Answer):
            calls.update(call.id for call in record.calls)
        if not _is_in_place(record, records, calls):
            raise LLMAgentOSError(f"the record {len(records) + 1} of a conversation is out of place: {shown(value)}")
        records.append(record)
    return records


def _is_in_place(record: Record, before: Sequence[Record], calls: Collection[str]) -> bool:
    """Whether a record can have come after some others.

    Args:
        calls: ids of those that were made.
    """
    if not before:
        return isinstance(record, UserInput)
    if isinstance(record, Summary):  # which stands for whole turns
        return record.n_records in range(len(before)) and isinstance(before[record.n_records], UserInput)
    return not isinstance(record, CallResult) or record.call_id in calls


_T = TypeVar("_T")
_FITS: Mapping[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int,
    "bool": lambda value: type(value) is bool,
    "Outcome": lambda value: value in get_args(Outcome),
    "tuple[str, ...]": lambda value: all(isinstance(one, str) for one in value),
    "tuple[Call, ...]": lambda value: all(isinstance(one, Call) for one in value),
}


def _typed(made: _T) -> _T:
    """A record or a call, if its parts are of their types. Raises TypeError."""
    for field in fields(made):  # type: ignore[arg-type]
        value = getattr(made, field.name)
        if not _FITS[str(field.type)](value):
            raise TypeError(f"{field.name}={shown(value)} is not {field.type}")
    return made
