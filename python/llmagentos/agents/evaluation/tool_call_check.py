"""The check that a tool was called, and how."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import Field, JsonValue, field_validator

from llmagentos.agents.evaluation.checks import Check, Text, cut
from llmagentos.agents.records import Outcome
from llmagentos.tools.json_validation import validator_of

if TYPE_CHECKING:
    from llmagentos.agents.evaluation.judge import Judge
    from llmagentos.agents.evaluation.reply import MadeCall, Reply

ANY_TOOL = "*"


class ToolCalled(Check):
    """A tool was called in this turn.

    Attributes:
        tool_call: its name, or "*" for any.
        arguments: that the call has, and maybe others.
        arguments_schema: JSON schema of all its arguments.
        times: how many such calls there must be; None takes one or more.
    """

    tool_call: Text
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    arguments_schema: dict[str, JsonValue] | None = None
    outcome: Outcome | None = None
    times: int | None = Field(default=None, ge=0)

    @field_validator("arguments_schema")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        validator_of("arguments", schema)
        return schema

    @cached_property
    def _faults(self) -> Callable[[Any], list[str]]:
        if self.arguments_schema is None:
            return lambda _: []
        return validator_of("arguments", self.arguments_schema)

    def fault(self, _said: str, reply: Reply, _judge: Judge | None, /) -> str | None:
        n_found = sum(self._fits(call) for call in reply.calls)
        if n_found == self.times or (self.times is None and n_found):
            return None
        made = ", ".join(f"{call.name} {cut(call.arguments)} ({call.outcome or 'not run'})" for call in reply.calls)
        return f"such calls: {n_found}; all calls: {made or 'none'}"

    def _fits(self, call: MadeCall) -> bool:
        if self.tool_call not in (ANY_TOOL, call.name) or self.outcome not in (None, call.outcome):
            return False
        if not self.arguments and self.arguments_schema is None:
            return True
        given = call.parsed
        if given is None or self._faults(given):
            return False
        return all(name in given and same(given[name], value) for name, value in self.arguments.items())


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and is not true."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)
