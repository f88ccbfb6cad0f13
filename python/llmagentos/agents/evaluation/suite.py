"""Suites: scripted conversations and their checks, from a TOML or JSON file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from llmagentos.agents.evaluation import checks
from llmagentos.agents.evaluation.checks import Text
from llmagentos.agents.evaluation.tool_call_check import ToolCalled
from llmagentos.errors import InvalidRequestError
from llmagentos.market.toml_table import parse_toml

SUITE = "evaluation.toml"  # in an application's folder
TIMEOUT = 120.0  # seconds of a turn
_KINDS = ("exact", "contains", "not_contains", "regex", "not_regex", "schema", "tool_call", "status", "judge")


def _kind_of(check: Any) -> str | None:
    """The kind of a check, read already or not yet, by the one field of these that it has."""
    if isinstance(check, BaseModel):
        fields = {field.alias or name for name, field in type(check).model_fields.items()}
    else:
        fields = set(check) if isinstance(check, Mapping) else set()
    found = [kind for kind in _KINDS if kind in fields]
    return found[0] if len(found) == 1 else None


AnyCheck: TypeAlias = Annotated[
    Annotated[checks.Exact, Tag("exact")]
    | Annotated[checks.Contains, Tag("contains")]
    | Annotated[checks.NotContains, Tag("not_contains")]
    | Annotated[checks.Regex, Tag("regex")]
    | Annotated[checks.NotRegex, Tag("not_regex")]
    | Annotated[checks.Schema, Tag("schema")]
    | Annotated[ToolCalled, Tag("tool_call")]
    | Annotated[checks.StatusIs, Tag("status")]
    | Annotated[checks.Judged, Tag("judge")],
    Discriminator(
        _kind_of,
        custom_error_type="kind",
        custom_error_message=f"a check is a table with exactly one of {', '.join(_KINDS)}",
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Turn(_Part):
    """What is said, or decided about calls that wait for a person, and what must come of it.

    Attributes:
        approve, reject: names of tools whose pending calls are allowed or refused.
    """

    say: str | None = None
    approve: list[Text] = Field(default_factory=list)
    reject: list[Text] = Field(default_factory=list)
    expect: list[AnyCheck] = Field(default_factory=list)

    @model_validator(mode="after")
    def _does_one_thing(self) -> Turn:
        if (self.say is None) == (not self.approve and not self.reject):
            raise ValueError("a turn has either 'say', or 'approve' and 'reject'")
        return self

    @property
    def said(self) -> str:
        """What the turn begins with, in words."""
        decided = [("approve", self.approve), ("reject", self.reject)]
        return self.say or "; ".join(f"({what}: {', '.join(names)})" for what, names in decided if names)


class Case(_Part):
    """One conversation."""

    name: Text
    turns: list[Turn] = Field(min_length=1)


class Suite(_Part):
    """Conversations that an agent or an application must stand.

    Attributes:
        target: what is talked to, as MODULE:NAME; None where whoever runs the suite says it.
        model, judge: names of models: the target's, and the one that answers `judge` checks.
        timeout: seconds that a turn may take.
    """

    target: Text | None = None
    model: Text | None = None
    judge: Text | None = None
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = TIMEOUT
    cases: list[Case] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Suite:
        for name, count in Counter(case.name for case in self.cases).items():
            if count > 1:
                raise ValueError(f"{count} cases have the name {name!r}")
        return self

    @property
    def needs_judge(self) -> bool:
        """Whether a model's opinion is asked for."""
        return any(
            isinstance(check, checks.Judged) for case in self.cases for turn in case.turns for check in turn.expect
        )


def read_suite(path: Path) -> Suite:
    """The suite of a file, .toml or .json.

    Raises:
        InvalidRequestError: it is no suite; names the places and says what is wrong with each.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{path} is not UTF-8: byte {error.start} is not") from None
    if path.suffix == ".toml":
        return suite_of(str(path), parse_toml(str(path), text))
    if path.suffix != ".json":
        raise InvalidRequestError(f"{path} is no suite: its name must end with .toml or .json")
    try:
        return suite_of(str(path), json.loads(text))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidRequestError):
            raise
        raise InvalidRequestError(f"{path}: not JSON: {error}") from None


def suite_of(where: str, values: Any) -> Suite:
    """A suite from its fields; `where` names it in errors.

    Raises:
        InvalidRequestError: as `read_suite`.
    """
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{_place(fault['loc'])}{fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
        )
        raise InvalidRequestError(f"{where}: {faults}") from None


def _place(location: tuple[int | str, ...]) -> str:
    """Such as "cases[1].turns[0].expect[2].regex: ". Places count from 0; a check's kind before a field is left out."""
    text = ""
    for before, part in zip(("", *location), location, strict=False):
        if isinstance(part, int):
            text += f"[{part}]"
        elif not (isinstance(before, int) and part in _KINDS):
            text += f".{part}" if text else part
    return f"{text}: " if text else ""
