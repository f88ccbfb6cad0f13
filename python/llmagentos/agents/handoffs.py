"""Conversations that are handed from one agent to another: as a tool that the model calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmagentos.errors import InvalidRequestError, LLMAgentOSError

if TYPE_CHECKING:
    from llmagentos.agents.agent import Agent

MAX_SLUG = 48  # of the 64 letters that a tool's name may have


def handoff_definition(name: str, agent: Agent) -> dict[str, Any]:
    """The tool that hands over to an agent, in OpenAI's shape."""
    description = f"Hand the conversation over to {agent.name}. {agent.goal}".strip()
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def led_to(start: Agent, name: str | None) -> Agent:
    """The agent of a name among those that the conversation can get to from the first one; that one where it is None.

    Raises:
        InvalidRequestError: two agents have the same name, by which the conversation could not be given to either.
        LLMAgentOSError: there is none.
    """
    found: dict[str, Agent] = {}
    waiting = [start]
    while waiting:
        agent = waiting.pop()
        if found.setdefault(agent.name, agent) is not agent:
            raise InvalidRequestError(
                f"{start.name} leads to two agents named {agent.name!r}: give each a name of its own, Agent(name=...)"
            )
        waiting += [other for other in agent.equipment.handoffs.values() if found.get(other.name) is not other]
    if name is None:
        return start
    if name not in found:
        raise LLMAgentOSError(f"the session was handed to an agent {name!r}, which {start.name} does not lead to")
    return found[name]


def slug(name: str) -> str:
    """An agent's name as a part of a tool's, of letters that models can write there; "agent" where it has none."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name)[:MAX_SLUG].strip("_").lower() or "agent"
