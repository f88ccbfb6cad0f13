"""What a guard is: it looks at a text on its way, and lets it pass, replaces it or stops it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from llmagentos.errors import LLMAgentOSError, shown

logger = logging.getLogger("llmagentos.safety")

Stage = Literal["input", "output", "call", "result"]


@dataclass(frozen=True, slots=True)
class Allow:
    """The text goes on as it is."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Another text goes on in its place."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """Nothing goes on."""

    reason: str


Verdict: TypeAlias = "Allow | Replace | Block"
ALLOW = Allow()


class Guard:
    """Hooks that let everything pass; a guard overrides those it has something to say at. They may be `async`.

    Attributes:
        name: what decisions are logged under.
    """

    @property
    def name(self) -> str:
        return type(self).__name__

    def check_input(self, _text: str, /) -> Verdict | Awaitable[Verdict]:
        """What the user says, before the model sees it."""
        return ALLOW

    def check_output(self, _text: str, /) -> Verdict | Awaitable[Verdict]:
        """What the model says, before the user sees it."""
        return ALLOW

    def check_call(self, _text: str, _tool: str, /) -> Verdict | Awaitable[Verdict]:
        """The arguments that the model calls a tool with, as JSON text, before the tool runs."""
        return ALLOW

    def check_result(self, _text: str, _tool: str, /) -> Verdict | Awaitable[Verdict]:
        """What a tool gave, before the model sees it."""
        return ALLOW


@dataclass(frozen=True, slots=True)
class Decision:
    """What a guard did at a stage. A decision to allow is none."""

    guard: str
    stage: Stage
    action: Literal["replace", "block"]
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of a text after all guards.

    Attributes:
        text: that goes on; None where one stopped it.
        decisions: in the order of the guards.
    """

    text: str | None
    decisions: tuple[Decision, ...]

    @property
    def reason(self) -> str:
        """Of the last decision."""
        return self.decisions[-1].reason if self.decisions else ""


async def check(guards: Sequence[Guard], stage: Stage, text: str, tool: str = "") -> Checked:
    """Asks all guards in their order, each about what the one before it left. The first that stops the text ends it.

    Decisions are logged, never the texts they are about.

    Raises:
        LLMAgentOSError: a guard's verdict is none.
    """
    decisions: list[Decision] = []
    for guard in guards:
        verdict = _asked(guard, stage, text, tool)
        if inspect.isawaitable(verdict):
            verdict = await verdict
        if isinstance(verdict, Allow):
            continue
        if not isinstance(verdict, (Replace, Block)):
            raise LLMAgentOSError(f"the guard {guard.name} must give Allow, Replace or Block, not {shown(verdict)}")
        if isinstance(verdict, Replace) and not isinstance(verdict.text, str):
            raise LLMAgentOSError(f"the guard {guard.name} must replace a text by one, not by {shown(verdict.text)}")
        action: Literal["replace", "block"] = "replace" if isinstance(verdict, Replace) else "block"
        decisions.append(Decision(guard.name, stage, action, verdict.reason))
        logger.info("%s: %s of %s%s: %s", guard.name, action, stage, f" of {tool}" if tool else "", verdict.reason)
        if isinstance(verdict, Block):
            return Checked(None, tuple(decisions))
        text = verdict.text
    return Checked(text, tuple(decisions))


def _asked(guard: Guard, stage: Stage, text: str, tool: str) -> Verdict | Awaitable[Verdict]:
    if stage == "input":
        return guard.check_input(text)
    if stage == "output":
        return guard.check_output(text)
    return guard.check_call(text, tool) if stage == "call" else guard.check_result(text, tool)
