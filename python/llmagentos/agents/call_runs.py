"""The calls of an answer: which may run, what came of each, and all of it written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmagentos.agents.events import Event, GuardActed, Retried, ToolCalled, ToolReturned
from llmagentos.agents.records import Call, CallResult, CallStarted, Outcome, Record
from llmagentos.agents.session import PendingCall, Session
from llmagentos.agents.tool_runs import bounded, run_tool
from llmagentos.agents.tracing import Span
from llmagentos.errors import ToolError
from llmagentos.safety.guard import Checked, Stage, check

if TYPE_CHECKING:
    from llmagentos.agents.agent import Agent


@dataclass(slots=True)
class RunContext:
    """What the parts of a run share.

    Attributes:
        agent: that has the conversation.
        emit: tells of an event.
        trace: the run's span.
    """

    agent: Agent
    session: Session
    emit: Callable[[Event], None]
    trace: Span

    async def guarded(self, stage: Stage, text: str, tool: str = "") -> Checked:
        """The text after the agent's guards, which are asked and whose decisions are told."""
        checked = await check(self.agent.guards, stage, text, tool)
        for decision in checked.decisions:
            self.emit(GuardActed(decision.guard, decision.stage, decision.action, decision.reason))
            span = self.trace.child("guard", {"guard": decision.guard, "stage": stage, "action": decision.action})
            span.end({"reason": decision.reason})
        return checked


class CallRuns:
    """Runs calls of tools."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    async def run(self, items: Sequence[PendingCall]) -> None:
        """Runs all side by side, and writes down what came of each."""
        await _all([self._run_call(item) for item in items])

    def needs_person(self, item: PendingCall) -> bool:
        """Whether a call is one that only a person can let run. One that cannot run anyway is not."""
        tool = self._context.agent.equipment.tools.get(item.call.name)
        if tool is None or not tool.requires_approval or item.approval is not None or item.idempotency_key is not None:
            return False
        try:
            tool.checked(item.call.arguments)
        except ToolError:
            return False
        return True

    async def _run_call(self, item: PendingCall) -> None:
        call = item.call
        span = self._context.trace.child("tool", {"tool": call.name, "arguments": call.arguments})
        try:
            outcome, text = await self._outcome(item)
            try:
                checked = await self._context.guarded("result", text, call.name)
            except Exception as error:  # the tool has done its work, which must not count as unknown later
                self.settle(call, "blocked", f"The result is withheld: a guard failed ({type(error).__name__})")
                raise
        except BaseException as error:
            span.end({}, f"{type(error).__name__}: {error}")
            raise
        if checked.text is None:
            outcome, text = "blocked", f"The result is withheld: {checked.reason}"
        else:
            text = checked.text
        self.settle(call, outcome, text)  # before anything else can go wrong: the tool has done its work
        span.end({"outcome": outcome, "text": text}, None if outcome == "ok" else outcome)

    async def _outcome(self, item: PendingCall) -> tuple[Outcome, str]:
        call, tool = item.call, self._context.agent.equipment.tools.get(item.call.name)
        if tool is None:
            names = ", ".join(self._context.agent.equipment.tools) or "none"
            return "error", f"There is no tool {call.name!r}. The tools are: {names}."
        if item.approval is not None and not item.approval.is_allowed:
            return "denied", f"A person did not allow this call. {item.approval.reason}".strip()
        if item.idempotency_key is not None and not tool.is_repeatable:
            return "unknown", f"Unknown outcome: {call.name} was started and then interrupted; it was not run again."
        try:
            # As the model wrote them: where they are not valid nobody was asked, and a guard must not make them so.
            tool.checked(call.arguments)
            checked = await self._context.guarded("call", call.arguments, call.name)
            if checked.text is None:
                return "blocked", f"This call is not allowed: {checked.reason}"
            tool.checked(checked.text)
        except ToolError as error:
            return "error", str(error)
        key = item.idempotency_key
        if key is None:
            key = f"{self._context.session.id}-{call.id}"
            self._context.session.append(CallStarted(call.id, key))
        self._context.emit(ToolCalled(call))
        outcome, text = await run_tool(
            tool, checked.text, key, lambda reason, attempt: self._context.emit(Retried(call.name, reason, attempt))
        )
        return outcome, bounded(text, self._context.agent.max_result_characters)

    def settle(self, call: Call, outcome: Outcome, text: str, *more: Record) -> None:
        """Writes down what came of a call, and what follows from it, and tells of it."""
        self._context.session.append(CallResult(call.id, outcome, text), *more)
        self._context.emit(ToolReturned(call, outcome, text))


async def _all(jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Runs all side by side. Where one raises, or this is cancelled, the others are stopped first."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        unfinished = [task for task in tasks if not task.done()]
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
