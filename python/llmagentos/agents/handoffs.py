"""Conversations that are handed from one agent to another: as a tool that the model calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmagentos.errors import LLMAgentOSError

if TYPE_CHECKING:
    from llmagentos.agents.agent import Agent


def handoff_definition(name: str, agent: Agent) -> dict[str, Any]:
    """The tool that hands over to an agent, in OpenAI's shape."""
    description = f"Hand the conversation over to {agent.name}. {agent.goal}".strip()
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def led_to(start: Agent, name: str) -> Agent:
    """The agent of a name among those that the conversation can get to from the first one.

    Raises:
        LLMAgentOSError: there is none.
    """
    seen, waiting = {id(start)}, [start]
    while waiting:
        agent = waiting.pop()
        if agent.name == name:
            return agent
        fresh = [other for other in agent.equipment.handoffs.values() if id(other) not in seen]
        seen.update(map(id, fresh))
        waiting += fresh
    raise LLMAgentOSError(f"the session was handed to an agent {name!r}, which {start.name} does not lead to")


def slug(name: str) -> str:
    """An agent's name as a part of a tool's."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
