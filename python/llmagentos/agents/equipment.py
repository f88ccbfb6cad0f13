"""What an agent's model can call, and what its answers must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from llmagentos.agents.handoffs import handoff_definition, slug
from llmagentos.agents.output import FINAL_ANSWER, OutputForm
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.tools.tool import Tool

if TYPE_CHECKING:
    from llmagentos.agents.agent import Agent

ToolChoice = Literal["auto", "required"]


class Equipment:
    """Tools, agents to hand over to, and the form of answers; see `Agent` for the arguments.

    Raises:
        InvalidRequestError: a name that is taken, or an argument outside its domain.
    """

    def __init__(
        self,
        owner: str,
        tools: Iterable[Tool | Callable[..., Any]],
        handoffs: Iterable[Agent],
        output_type: Any,
        tool_choice: ToolChoice,
        parallel_tool_calls: bool,
    ) -> None:
        if tool_choice not in ("auto", "required"):
            raise InvalidRequestError(f"tool_choice={shown(tool_choice)} is not valid: it must be 'auto' or 'required'")
        self._owner = owner
        self._output_type = output_type
        self._tool_choice, self._parallel = tool_choice, parallel_tool_calls
        self.tools: dict[str, Tool] = {}
        self.handoffs: dict[str, Agent] = {}
        for given in tools:
            if not isinstance(given, Tool) and not callable(given):
                raise InvalidRequestError(f"tools has {shown(given)}, which is no tool and no function")
            tool = given if isinstance(given, Tool) else Tool(given)
            self._check_free(tool.name)
            self.tools[tool.name] = tool
        for agent in handoffs:
            self.add_handoff(agent)

    def add_handoff(self, agent: Agent) -> None:
        if not hasattr(agent, "equipment"):
            raise InvalidRequestError(f"handoffs: {shown(agent)} is no agent")
        name = f"transfer_to_{slug(agent.name)}"
        alike = sum(
            slug(other.name) == slug(agent.name) for other in self.handoffs.values() if other.name != agent.name
        )
        if alike:  # names in letters that no tool's name has
            name += f"_{alike + 1}"
        self._check_free(name)
        self.handoffs[name] = agent

    def _check_free(self, name: str) -> None:
        if name in self.tools or name in self.handoffs or name == FINAL_ANSWER:
            raise InvalidRequestError(f"{self._owner} cannot have the tool {name!r}: the name is taken")

    @cached_property
    def output(self) -> OutputForm | None:
        """The form of answers; None where they are texts."""
        return None if self._output_type is None else OutputForm(self._output_type)

    def options(self, is_first: bool) -> dict[str, Any]:
        """What the model is asked with, besides messages.

        Args:
            is_first: whether it is the first answer to an input.
        """
        definitions = [tool.definition for tool in self.tools.values()]
        definitions += [handoff_definition(name, agent) for name, agent in self.handoffs.items()]
        if not definitions:
            return {} if self.output is None else {"response_format": self.output.model}
        choice: str = self._tool_choice if is_first else "auto"
        if self.output is not None:
            definitions.append(self.output.definition)
            choice = "required"
        return {"tools": definitions, "tool_choice": choice, "parallel_tool_calls": self._parallel}


def check_parts(
    goal: object = "", guards: Iterable[object] = (), memory: object = None, session: object = None
) -> None:
    """Refuses what would only fail in the middle of a run, such as a guard's class in place of a guard."""
    from llmagentos.agents.memory.view import Memory
    from llmagentos.agents.session import Session
    from llmagentos.safety.guard import Guard

    parts = (("goal", goal, str), ("memory", memory, Memory), ("session", session, Session))
    for argument, given, kind in (*parts, *(("guards", guard, Guard) for guard in guards)):
        if given is not None and not isinstance(given, kind):
            what = "text" if kind is str else kind.__name__
            raise InvalidRequestError(f"{argument}={shown(given)} is not valid: it must be a {what}")
