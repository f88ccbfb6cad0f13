"""The loop: ask the model, run the tools it calls, and again, until it answers.

Everything is written to the session before the loop goes on, and the loop goes on from what the session says: a run
that was stopped anywhere, or that waited for a person, is resumed by starting the loop on its session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING, Any

from llmagentos.agents.call_runs import CallRuns, RunContext
from llmagentos.agents.events import (
    AgentResult,
    ApprovalNeeded,
    Done,
    Event,
    HandedOff,
    Remembered,
    Retried,
    Status,
    TextDelta,
)
from llmagentos.agents.model_calls import Response, respond
from llmagentos.agents.nesting import enter_run
from llmagentos.agents.output import FINAL_ANSWER
from llmagentos.agents.own_loop import going_on
from llmagentos.agents.records import Answer, Call, CallResult, Correction, Handoff, Record, TurnEnded, UserInput
from llmagentos.agents.session import PendingCall, Session
from llmagentos.agents.tracing import started
from llmagentos.completion import Usage
from llmagentos.errors import ToolError

if TYPE_CHECKING:
    from llmagentos.agents.agent import Agent

_LOGGER = logging.getLogger(__name__)
WITHHELD = "[withheld]"  # in place of a text that a guard stopped
ID_LENGTH = 9  # some chat templates take ids of nine letters and digits only


async def run_turn(agent: Agent, session: Session, text: str | None) -> AsyncGenerator[Event, None]:
    """Runs the turn that begins with `text`, or goes on with the one that has begun where it is None.

    The last event is Done. Closing the generator, or cancelling its task, stops the run where it is.

    Args:
        agent: that the conversation began with; it may have been handed on since.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    active = agent.handed_to(session.active_agent)
    trace = started(active.trace, "run", {"agent": active.name, "session": session.id, "input": text})
    loop = Loop(RunContext(active, session, queue.put_nowait, trace))
    task = asyncio.ensure_future(loop.run(text))
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # which nobody may come to ask for
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
        await task
    finally:
        if not task.done() and await going_on([task]):
            _LOGGER.warning("a run is left behind: a model, guard or memory does not stop when it is cancelled")


class Loop:
    """One turn of a conversation, from where its session is to its end, or to where it waits for a person."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._session = context.session
        self._calls = CallRuns(context)

    async def run(self, text: str | None) -> None:
        """Runs it, and tells of each thing that happens."""
        trace = self._context.trace
        try:
            enter_run(self._context.agent.name)
            result = await self._turn(text)
        except BaseException as error:
            trace.end({}, f"{type(error).__name__}: {error}")
            raise
        figures = {"status": result.status, "steps": result.steps, "tokens": result.usage.total_tokens}
        trace.end({**figures, "text": result.text})
        self._context.emit(Done(result))

    async def _turn(self, text: str | None) -> AgentResult:
        if text is not None and (blocked := await self._begin(text)) is not None:
            return blocked
        while True:
            if pending := self._session.pending:
                ended = await self._run_calls(pending)
            elif (told := await self._answered_by_tools()) is not None:
                ended = told
            elif len(self._answers()) >= self._context.agent.max_steps:
                ended = self._end("step_limit", self._last_text())
            else:
                ended = await self._ask_model()
            if ended is not None:
                return ended

    async def _begin(self, text: str) -> AgentResult | None:
        checked = await self._context.guarded("input", text)
        if checked.text is None:
            return self._end("blocked", checked.reason, UserInput(WITHHELD))
        self._session.append(UserInput(checked.text))
        return None

    # The model's part

    async def _ask_model(self) -> AgentResult | None:
        """One answer of the model; the turn's result if it is the last."""
        agent = self._context.agent
        view = await agent.memory.view(self._session, agent.model)
        for note in view.notes:
            self._context.emit(Remembered(note))
        system = "\n\n".join(part for part in (agent.goal, self._handed_over(), view.background) if part)
        messages = [*([{"role": "system", "content": system}] if system else []), *view.messages]
        response = await self._response(messages)
        checked = await self._context.guarded("output", response.text)
        usage, reason = response.usage, response.finish_reason
        text, calls = (WITHHELD, ()) if checked.text is None else (checked.text, self._numbered(response))
        answer = Answer(agent.name, text, calls, usage.prompt_tokens, usage.completion_tokens, reason, view.notes)
        if checked.text is None:
            return self._end("blocked", checked.reason, answer)
        if agent.guards and text:  # which had to see all of it first
            self._context.emit(TextDelta(text))
        if not calls:
            return self._said(answer)
        self._session.append(answer)
        return None

    def _handed_over(self) -> str:
        """What an agent is told that the conversation was handed to in this turn."""
        if not any(isinstance(record, Handoff) for record in self._session.turn):
            return ""
        return f"The conversation was handed to you, {self._context.agent.name}: answer the user yourself."

    async def _response(self, messages: Sequence[dict[str, Any]]) -> Response:
        agent = self._context.agent
        span = self._context.trace.child("model", {"agent": agent.name, "messages": len(messages)})
        # Whoever a conversation was handed to has not answered yet.
        options = agent.equipment.options(is_first=not any(one.agent == agent.name for one in self._answers()))
        response = Response()
        try:
            async with aclosing(respond(agent.model, messages, agent.params, options)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Response):
                        response = piece
                    elif not agent.guards:
                        self._context.emit(TextDelta(piece))
        except BaseException as error:
            span.end({}, f"{type(error).__name__}: {error}")
            raise
        usage = response.usage
        figures = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        span.end(
            {**figures, "finish_reason": response.finish_reason, "calls": len(response.calls), "text": response.text}
        )
        return response

    def _numbered(self, response: Response) -> tuple[Call, ...]:
        """The answer's calls, with ids that no other call of the conversation has."""
        used = {call.id for record in self._session.records if isinstance(record, Answer) for call in record.calls}
        calls: list[Call] = []
        for given, name, arguments in response.calls:
            free = (f"{number:0{ID_LENGTH}d}" for number in count(len(used)))
            id = given if given and given not in used else next(id for id in free if id not in used)
            used.add(id)
            calls.append(Call(id, name, arguments))
        return tuple(calls)

    def _said(self, answer: Answer) -> AgentResult | None:
        """An answer without calls ends the turn, unless it should be an object and is none."""
        if answer.finish_reason in ("length", "timeout"):
            return self._end("length" if answer.finish_reason == "length" else "timeout", answer.text, answer)
        agent = self._context.agent
        if agent.equipment.output is None:
            return self._end("done", answer.text, answer, output=answer.text)
        try:
            output = agent.equipment.output.parse(answer.text)
        except ToolError as error:
            n_failed = sum(isinstance(record, Correction) for record in self._session.turn) + 1
            if n_failed > agent.output_retries:
                return self._end("invalid_output", answer.text, answer)
            self._context.emit(Retried("answer", str(error), n_failed))
            self._session.append(answer, Correction(f"{error}. Answer again."))
            return None
        return self._end("done", answer.text, answer, output=output)

    # The tools' part

    async def _run_calls(self, pending: Sequence[PendingCall]) -> AgentResult | None:
        """Runs calls side by side; then, if one is a hand-over or the final answer, does that."""
        agent, runs = self._context.agent, self._calls
        own = [item for item in pending if item.call.name in agent.equipment.handoffs or item.call.name == FINAL_ANSWER]
        waiting = [item.call for item in pending if runs.needs_person(item)]
        await runs.run([item for item in pending if item not in own and item.call not in waiting])
        if waiting:
            for call in waiting:
                self._context.emit(ApprovalNeeded(call))
            return self._result("needs_approval", self._last_text(), None, waiting)
        finals = [item.call for item in own if item.call.name == FINAL_ANSWER]
        for item in own:
            if item.call not in finals:
                self._hand_over(item.call)
        return await self._final(finals) if finals else None

    async def _answered_by_tools(self) -> AgentResult | None:
        """The results of the newest calls as the answer, where that is wanted and there are all of them."""
        since = self._since_answer() if self._context.agent.answer_from_tools else ()
        results = [record for record in since if isinstance(record, CallResult)]
        if not results or any(isinstance(one, Handoff) for one in since) or any(one.outcome != "ok" for one in results):
            return None
        checked = await self._context.guarded("output", "\n".join(result.text for result in results))
        if checked.text is None:
            return self._end("blocked", checked.reason)
        return self._end("done", checked.text, output=checked.text)

    def _hand_over(self, call: Call) -> None:
        context = self._context
        target = context.agent.equipment.handoffs.get(call.name)
        if target is None:  # another call of this answer has handed over already
            self._calls.settle(call, "error", f"{context.agent.name} has the conversation now.")
            return
        self._calls.settle(call, "ok", f"{target.name} goes on.", Handoff(target.name))
        context.agent = target
        context.emit(HandedOff(target.name))

    async def _final(self, calls: Sequence[Call]) -> AgentResult | None:
        """Ends the turn with the first final answer that is what it should be, or that a guard stops."""
        output = self._context.agent.equipment.output
        faults: list[tuple[Call, str]] = []
        for call in calls:
            try:
                if output is None:
                    raise ToolError(f"There is no tool {call.name!r}.")
                checked = await self._context.guarded("output", call.arguments)
                if checked.text is None:
                    stopped = [CallResult(one.id, "blocked", checked.reason) for one in calls]
                    return self._end("blocked", checked.reason, *stopped)
                parsed = output.parse(checked.text)
            except ToolError as error:
                faults.append((call, str(error)))
                continue
            done = [CallResult(one.id, "ok", "done") for one in calls]
            return self._end("done", checked.text, *done, output=parsed)
        for call, fault in faults:
            self._context.emit(Retried("answer", fault, len(self._answers())))
            self._calls.settle(call, "error", fault)
        return None

    # What both need

    def _answers(self) -> list[Answer]:
        return [record for record in self._session.turn if isinstance(record, Answer)]

    def _since_answer(self) -> Sequence[Record]:
        """What came after the newest answer."""
        turn = self._session.turn
        last = max((index for index, record in enumerate(turn) if isinstance(record, Answer)), default=len(turn))
        return turn[last + 1 :]

    def _last_text(self) -> str:
        return next((answer.text for answer in reversed(self._answers()) if answer.text), "")

    def _end(self, status: Status, text: str, *records: Record, output: Any = None) -> AgentResult:
        self._session.append(*records, TurnEnded(status, text))
        return self._result(status, text, output)

    def _result(self, status: Status, text: str, output: Any, pending: Sequence[Call] = ()) -> AgentResult:
        answers = self._answers()
        usage = Usage(sum(one.prompt_tokens for one in answers), sum(one.completion_tokens for one in answers))
        return AgentResult(status, text, output, len(answers), usage, self._session, tuple(pending))
