"""What an answer must be, as suites say it: one class for each kind of check."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, field_validator

from llmagentos.agents.events import Status
from llmagentos.tools.json_validation import validator_of

if TYPE_CHECKING:
    from llmagentos.agents.evaluation.judge import Judge
    from llmagentos.agents.evaluation.reply import Reply

MAX_SHOWN = 400  # characters of an answer, or of a call's arguments, in a fault
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Texts: TypeAlias = Annotated[
    list[Text], Field(min_length=1), BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]


class Check(BaseModel, ABC):
    """One thing that must hold of a reply."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @abstractmethod
    def fault(self, said: str, reply: Reply, judge: Judge | None, /) -> str | None:
        """What is wrong with a reply; None where nothing is.

        Args:
            said: what it replies to.
            judge: whom to ask for an opinion; None where the suite needs none.
        """

    def __str__(self) -> str:
        """The check as suites write it."""
        fields = self.model_dump(exclude_unset=True, by_alias=True)
        ordered = sorted(fields.items(), key=lambda field: field[0] == "ignore_case")  # options last
        return ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in ordered)


class _TextCheck(Check):
    """Compares texts, in which white space of any kind and number is one space."""

    ignore_case: bool = False

    def _form(self, text: str) -> str:
        text = " ".join(text.split())
        return text.casefold() if self.ignore_case else text

    def _has(self, answer: str, text: str) -> bool:
        return self._form(text) in self._form(answer)


class Exact(_TextCheck):
    exact: str

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        return None if self._form(reply.text) == self._form(self.exact) else _answered(reply)


class Contains(_TextCheck):
    contains: Texts

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        missing = [text for text in self.contains if not self._has(reply.text, text)]
        return f"{missing[0]!r} is not in it; {_answered(reply)}" if missing else None


class NotContains(_TextCheck):
    not_contains: Texts

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        found = [text for text in self.not_contains if self._has(reply.text, text)]
        return f"{found[0]!r} is in it; {_answered(reply)}" if found else None


class _PatternCheck(Check):
    ignore_case: bool = False

    def _finds(self, pattern: str, answer: str) -> bool:
        return re.search(pattern, answer, re.IGNORECASE if self.ignore_case else 0) is not None


class Regex(_PatternCheck):
    regex: str

    @field_validator("regex")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _checked_pattern(pattern)

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        return None if self._finds(self.regex, reply.text) else f"nothing in it matches; {_answered(reply)}"


class NotRegex(_PatternCheck):
    not_regex: str

    @field_validator("not_regex")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _checked_pattern(pattern)

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        return f"something in it matches; {_answered(reply)}" if self._finds(self.not_regex, reply.text) else None


class Schema(Check):
    """The answer is JSON that a JSON schema describes."""

    described_by: dict[str, JsonValue] = Field(alias="schema")

    @field_validator("described_by")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        validator_of("the check", schema)
        return schema

    @cached_property
    def _faults(self) -> Callable[[Any], list[str]]:
        return validator_of("the check", self.described_by)

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        try:
            value = json.loads(reply.text)
        except (ValueError, RecursionError) as error:
            return f"it is not JSON ({error}); {_answered(reply)}"
        faults = self._faults(value)
        return f"{'; '.join(faults)}; {_answered(reply)}" if faults else None


class StatusIs(Check):
    status: Status

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        if reply.status is None:
            return "what was talked to is no agent, whose runs alone have a status"
        return None if reply.status == self.status else f"the run ended {reply.status!r}; {_answered(reply)}"


class Judged(Check):
    """A model finds that the answer does what is wanted."""

    wanted: Text = Field(alias="judge")

    def fault(self, said: str, reply: Reply, judge: Judge | None, /) -> str | None:
        if judge is None:
            return "there is no judge to ask"
        return judge.fault(self.wanted, said, reply.text)


def _checked_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    return pattern


def _answered(reply: Reply) -> str:
    text = " ".join(reply.text.split())
    return f"the answer was {text[:MAX_SHOWN]!r}{' ...' if len(text) > MAX_SHOWN else ''}"


def cut(text: str) -> str:
    """A text as a fault shows it."""
    return f"{text[:MAX_SHOWN]} ..." if len(text) > MAX_SHOWN else text
