"""Agents: perceive, decide, act; and, with a model and tools, asked for something until it is done."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmagentos.agents.cycle import Cycle, text_of
from llmagentos.agents.equipment import Equipment, ToolChoice, check_parts
from llmagentos.agents.handoffs import led_to, slug
from llmagentos.agents.sensors import Observation
from llmagentos.agents.texts import is_unicode
from llmagentos.agents.waiting import awaited, finished, iterated, plain
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.tools.bounds import Line
from llmagentos.tools.tool import Tool

if TYPE_CHECKING:
    from llmagentos.agents.events import AgentResult, Event
    from llmagentos.agents.explanation import Explanation
    from llmagentos.agents.memory.view import Memory
    from llmagentos.agents.model_calls import ChatModel
    from llmagentos.agents.records import Call
    from llmagentos.agents.session import Session
    from llmagentos.safety.guard import Guard
    from llmagentos.sampling_params import SamplingParams


class Agent(Cycle):
    """Perceives, decides and acts, over and over: `run`. A subclass overrides the steps that it does in its own way.

    An agent with a model needs no subclass: `ask` and `stream` have the model use the tools until it answers.

    Args:
        model: an `LLM`, a name for one, or anything with an `LLM`'s `chat`. None: the agent decides nothing.
        name: what other agents and traces call it; None takes the class's name.
        goal: what the agent is for, in words for the model.
        tools: functions made tools by `@tool`, or plain functions that could be.
        output_type: what answers must be: a pydantic model or another type; None takes any text. A model that runs here
            can write nothing else.
        handoffs: agents that this one may hand the conversation to.
        memory: what the model is shown of a conversation; None shows all of it.
        guards: asked about every text on its way, in this order.
        session: the conversation that `ask` goes on with; None begins a new one each time, and one for all of `run`.
        params: how the model samples, and how long its answers get; None leaves that to it, but for a model that runs
            here, whose answers then end after 1,024 tokens at the latest.
        tool_choice: "auto", or "required" where the first answer to each input must call a tool.
        parallel_tool_calls: whether an answer may call several tools, which then run side by side.
        answer_from_tools: whether results of tools are the answer, once all that were called gave one; the model is not
            asked to put them into words, which small models are bad at.
        max_steps: answers of the model for one input at most.
        output_retries: answers that are not of the output type and asked for again, at most.
        max_result_characters: of a tool's result that the model is shown.
        sensor: where observations come from: None for the terminal or a pipe, a function, a queue, a list.
        actuator: what is done with actions; None prints their text.
        trace: a file for spans (JSON lines); None takes that of LLMAGENTOS_TRACE, if it is set.

    Raises:
        InvalidRequestError: an argument outside its domain.
    """

    def __init__(
        self,
        model: ChatModel | str | None = None,
        *,
        name: str | None = None,
        goal: str = "",
        tools: Iterable[Tool | Callable[..., Any]] = (),
        output_type: Any = None,
        handoffs: Iterable[Agent] = (),
        memory: Memory | None = None,
        guards: Iterable[Guard] = (),
        session: Session | None = None,
        params: SamplingParams | None = None,
        tool_choice: ToolChoice = "auto",
        parallel_tool_calls: bool = True,
        answer_from_tools: bool = False,
        max_steps: int = 10,
        output_retries: int = 2,
        max_result_characters: int = 20_000,
        sensor: Any = None,
        actuator: Callable[[Any], object] | None = None,
        trace: str | os.PathLike[str] | None = None,
    ) -> None:
        for argument, value, least in (
            ("max_steps", max_steps, 1),
            ("output_retries", output_retries, 0),
            ("max_result_characters", max_result_characters, 1),
        ):
            if type(value) is not int or value < least:
                raise InvalidRequestError(
                    f"{argument}={shown(value)} is not valid: it must be an integer of at least {least}"
                )
        if answer_from_tools and output_type is not None:
            raise InvalidRequestError("answer_from_tools gives results as they are: leave output_type out")
        super().__init__(sensor, actuator)
        self.guards = tuple(guards)
        check_parts(goal, self.guards, memory, session)
        self._given_model = model
        self.name: str = type(self).__name__ if name is None else name
        self.goal = goal
        self.equipment = Equipment(self.name, tools, handoffs, output_type, tool_choice, parallel_tool_calls)
        self.answer_from_tools = answer_from_tools
        self._given_memory = memory
        self.session = session
        self._given_params = params
        self.max_steps, self.output_retries = max_steps, output_retries
        self.max_result_characters = max_result_characters
        self.trace = trace
        self._last_session: Session | None = None

    def decide(self, observation: Observation) -> Any:
        """What to do about an observation: what the model says, or the observation itself where there is no model."""
        if self._given_model is None:
            return observation
        result = self.ask(text_of(observation), self._kept_session())
        while result.status == "needs_approval":
            for call in result.pending:
                _settle(self._kept_session(), call, plain(self.allow(call.name, call.arguments), "allow"))
            result = self.resume()
        return _decision(result)

    async def adecide(self, observation: Observation) -> Any:
        """`decide` for asyncio."""
        # A subclass that decides in its own way does so here too.
        if type(self).decide is not Agent.decide or self._given_model is None:
            return await super().adecide(observation)
        result = await self.aask(text_of(observation), self._kept_session())
        while result.status == "needs_approval":
            for call in result.pending:
                _settle(self._kept_session(), call, await awaited(self.allow, call.name, call.arguments))
            result = await self.aresume()
        return _decision(result)

    def _kept_session(self) -> Session:
        self.session = self.session or _new_session()
        return self.session

    # With a model

    def ask(self, text: str, session: Session | None = None) -> AgentResult:
        """Has the model answer, using tools as it needs.

        Args:
            session: the conversation to go on with; None takes the agent's own, or begins a new one.

        Raises:
            InvalidRequestError: the agent has no model, a run goes on with the conversation, or it waits to be resumed.
            LLMAgentOSError: what the model raises. The session keeps what was done, and `resume` goes on from there.
        """
        return finished(self.aask(text, session), "ask")

    async def aask(self, text: str, session: Session | None = None) -> AgentResult:
        """`ask` for asyncio. Cancelling it stops the model and the tools; `resume` goes on from there."""
        return await _result_of(self.astream(text, session))

    def resume(self, session: Session | None = None) -> AgentResult:
        """Goes on with a run that was stopped, or that waits for approvals which the session has by now.

        Nothing that was done is done again. A tool that was interrupted is run again only where that does no harm:
        where it is idempotent or takes an idempotency key. Otherwise the model is told that its outcome is unknown.

        Raises:
            InvalidRequestError: no run of the session is unfinished, or one is still going on.
        """
        return finished(self.aresume(session), "resume")

    async def aresume(self, session: Session | None = None) -> AgentResult:
        """`resume` for asyncio."""
        session = session or self.session
        if session is None:
            raise InvalidRequestError("there is nothing to resume: the agent has no session")
        return await _result_of(self._events(None, session))

    def stream(self, text: str, session: Session | None = None) -> Generator[Event, None, None]:
        """`ask`, event by event; the last is Done. It goes on while it is iterated; closing it stops the run."""
        yield from iterated(self.astream(text, session), "stream")

    async def astream(self, text: str, session: Session | None = None) -> AsyncGenerator[Event, None]:
        """`stream` for asyncio."""
        if not isinstance(text, str):
            raise InvalidRequestError(f"text must be a string, not {type(text).__name__}")
        if not is_unicode(text):  # which no model takes, and the conversation could never go on from
            raise InvalidRequestError(f"text={shown(text)} is not valid: it has half a character (a lone surrogate)")
        session = session or self.session or _new_session()
        async with aclosing(self._events(text, session)) as events:
            async for event in events:
                yield event

    async def _events(self, text: str | None, session: Session) -> AsyncGenerator[Event, None]:
        from llmagentos.agents.loop import run_turn

        check_parts(session=session)
        with session.running():
            if text is None and not session.is_in_turn:
                raise InvalidRequestError("there is nothing to resume: no run of the session is unfinished")
            if text is not None and session.is_in_turn:
                raise InvalidRequestError(f"a run of the session {session.id!r} is unfinished: resume it first")
            self._last_session = session
            async with aclosing(run_turn(self, session, text)) as events:
                async for event in events:
                    yield event

    def explain(self, session: Session | None = None) -> Explanation:
        """Which observation, memory and results led to which action, in the last turn of a session.

        Args:
            session: None takes the one that the agent went on with last.
        """
        from llmagentos.agents.explanation import explanation_of

        session = session or self._last_session
        if session is None:
            raise InvalidRequestError("there is nothing to explain: the agent has not been asked anything")
        return explanation_of(session)

    def as_tool(self, name: str | None = None, description: str | None = None) -> Tool:
        """The agent as a tool of another: it is asked something, and its answer is the result."""

        async def ask_agent(request: Line) -> Any:
            result = await self.aask(request, _new_session())
            if result.status == "done":
                return result.output
            return f"{self.name} did not finish ({result.status}): {result.text}"

        told = description or f"Ask {self.name}. {self.goal}".strip()
        return Tool(ask_agent, name=name or f"ask_{slug(self.name)}", description=told)

    # What the loop asks for

    @cached_property
    def model(self) -> ChatModel:
        from llmagentos.agents.model_calls import checked_model

        if self._given_model is None:
            raise InvalidRequestError(f"{self.name} has no model to ask: Agent(model=LLM(), ...)")
        return checked_model(self._given_model)

    @cached_property
    def memory(self) -> Memory:
        from llmagentos.agents.memory.view import FullMemory

        return self._given_memory or FullMemory()

    @cached_property
    def params(self) -> SamplingParams | None:
        from llmagentos.agents.model_calls import default_params

        return default_params(self.model) if self._given_params is None else self._given_params

    def add_handoff(self, agent: Agent) -> None:
        """Lets this agent hand the conversation to another, which may be able to hand it back."""
        self.equipment.add_handoff(agent)

    def handed_to(self, name: str | None) -> Agent:
        """The agent of that name among those that the conversation can be handed to; None is this one.

        Raises:
            LLMAgentOSError: there is none, or two have the same name.
        """
        return led_to(self, name)


def _decision(result: AgentResult) -> dict[str, Any]:
    return {"text": result.text, "output": result.output, "status": result.status}


def _settle(session: Session, call: Call, is_allowed: bool) -> None:
    (session.approve if is_allowed else session.reject)(call.id)


def _new_session() -> Session:
    from llmagentos.agents.session import MemorySession

    return MemorySession()


async def _result_of(events: AsyncGenerator[Event, None]) -> AgentResult:
    from llmagentos.agents.events import Done

    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return event.result
    raise AssertionError("a run ends with Done")
