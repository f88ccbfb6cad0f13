"""Whom a suite talks to: an agent, or a function from text to text."""

from __future__ import annotations

import asyncio
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any

from llmagentos.agents.agent import Agent
from llmagentos.agents.evaluation.reply import Reply, calls_of
from llmagentos.agents.evaluation.worker import OutOfTime
from llmagentos.agents.events import AgentResult
from llmagentos.agents.session import MemorySession, Session
from llmagentos.agents.waiting import finished
from llmagentos.errors import InvalidRequestError, shown


class Partner(ABC):
    """One conversation with whom is evaluated. Its methods wait, and are all called in one thread."""

    @abstractmethod
    def say(self, text: str) -> Reply:
        """Says something; what is answered."""

    def decide(self, _approved: Collection[str], _rejected: Collection[str], /) -> Reply:
        """Lets pending calls of tools run, or refuses them, and has the run go on.

        Raises:
            InvalidRequestError: nothing of that name waits for it.
        """
        raise InvalidRequestError("only an agent's calls can be approved or rejected")


class AgentPartner(Partner):
    """A conversation with an agent, whose runs are cancelled when they are out of time."""

    def __init__(self, agent: Agent, session: Session, timeout: float) -> None:
        self._agent, self._session, self._timeout = agent, session, timeout

    def say(self, text: str) -> Reply:
        return self._ended(self._agent.aask(text, self._session))

    def decide(self, approved: Collection[str], rejected: Collection[str], /) -> Reply:
        waiting = [item.call for item in self._session.pending if item.approval is None]
        names = {call.name for call in waiting}
        for name in (*approved, *rejected):
            if name not in names:
                listed = ", ".join(sorted(names)) or "none"
                raise InvalidRequestError(f"no call of {shown(name)} waits for a person; those that do: {listed}")
        for call in waiting:
            if call.name in approved:
                self._session.approve(call.id)
            elif call.name in rejected:
                self._session.reject(call.id)
        return self._ended(self._agent.aresume(self._session))

    def _ended(self, run: Coroutine[Any, Any, AgentResult]) -> Reply:
        try:
            return _reply(finished(asyncio.wait_for(run, self._timeout), "say"))
        except asyncio.TimeoutError:
            raise OutOfTime from None


class CyclePartner(Partner):
    """A conversation with an agent that decides or acts in its own way."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def say(self, text: str) -> Reply:
        action = _waited(self._agent.decide({"text": text}))
        outcome = _waited(self._agent.act(action))
        session = self._agent.session
        calls = () if session is None else calls_of(session)
        status = action.get("status") if isinstance(action, Mapping) else None
        return Reply(_text_of(outcome), status if isinstance(status, str) else None, calls)


class FunctionPartner(Partner):
    """A conversation with a function."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def say(self, text: str) -> Reply:
        answer = _waited(self._function(text))
        if isinstance(answer, AgentResult):
            return _reply(answer)
        if not isinstance(answer, str):
            raise InvalidRequestError(f"the target answered {shown(answer)}, and must answer with a text")
        return Reply(answer)


def partner_of(target: Any, options: Mapping[str, Any], timeout: float) -> Partner:
    """Whom a new conversation is with.

    Args:
        target: an agent, or what is called with `options` to make whom to talk to.
        options: such as the model.
        timeout: seconds that a run of an agent may take.

    Raises:
        InvalidRequestError: the target is neither, or makes neither an agent nor a function.
    """
    if isinstance(target, Agent):
        if options:
            raise InvalidRequestError(f"the target is an agent already and takes no {', '.join(options)}")
        return _with_agent(target, MemorySession(), timeout)
    if not callable(target):
        raise InvalidRequestError(f"the target is {shown(target)}: it must be an Agent, or a function that makes one")
    try:
        inspect.signature(target).bind(**options)
    except TypeError as error:
        given = ", ".join(options) or "nothing"
        raise InvalidRequestError(
            f"the target cannot be called with {given} ({error}): it must be a function that makes whom to talk to"
        ) from None
    made = _waited(target(**options))
    if isinstance(made, Agent):
        return _with_agent(made, made.session or MemorySession(), timeout)
    if not callable(made):
        raise InvalidRequestError(
            f"the target made {shown(made)}: it must make an Agent, or a function from text to text"
        )
    return FunctionPartner(made)


def _with_agent(agent: Agent, session: Session, timeout: float) -> Partner:
    kind = type(agent)
    has_own_steps = any(getattr(kind, step) is not getattr(Agent, step) for step in ("decide", "adecide", "act"))
    return CyclePartner(agent) if has_own_steps else AgentPartner(agent, session, timeout)


def _reply(result: AgentResult) -> Reply:
    return Reply(result.text, result.status, calls_of(result.session), result.usage.total_tokens)


def _text_of(outcome: Any) -> str:
    text = outcome.get("text", outcome) if isinstance(outcome, Mapping) else outcome
    if text is None:
        return ""
    return text if isinstance(text, str) else json.dumps(text, default=str)


def _waited(value: Any) -> Any:
    """The value, awaited where it is a promise of one."""

    async def result(promise: Awaitable[Any]) -> Any:
        return await promise

    if inspect.isawaitable(value):
        return finished(result(value), "say")
    return value
