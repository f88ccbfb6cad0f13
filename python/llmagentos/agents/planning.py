"""Plan, act, reflect: for goals of several steps, with an agent that does each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from llmagentos.agents.agent import Agent
from llmagentos.agents.events import AgentResult
from llmagentos.agents.session import MemorySession
from llmagentos.agents.waiting import finished
from llmagentos.errors import InvalidRequestError, LLMAgentOSError

MAX_STEPS = 8  # of one plan
MAX_LETTERS = 200  # of a step; what a small model may write without end has one
MAX_ANSWER = 600  # letters of what the goal's owner is told


class Plan(BaseModel):
    """What is to be done, in this order."""

    steps: list[Annotated[str, Field(max_length=MAX_LETTERS)]] = Field(min_length=1, max_length=MAX_STEPS)


class Reflection(BaseModel):
    """What has come of it.

    Attributes:
        is_reached: whether nothing more is to be done.
        answer: what the goal's owner is told.
        missing: what is still to be done, if the goal is not reached.
    """

    is_reached: bool
    answer: str = Field(max_length=MAX_ANSWER)
    missing: str = Field(default="", max_length=MAX_LETTERS)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of a plan, and what came of it."""

    step: str
    result: AgentResult


@dataclass(frozen=True, slots=True)
class PlanResult:
    """Attributes:
    status: "done" where the model found the goal reached, "needs_approval" where a step waits for a person,
        "not_reached" after as many rounds as there may be, or where the model gave no further plan or no reflection.
    answer: of the last reflection; "" before there was one.
    steps: of all plans, in the order in which they were done.
    """

    status: Literal["done", "needs_approval", "not_reached"]
    answer: str
    steps: Sequence[PlannedStep]


class Planner:
    """Has the agent's model make a plan, the agent do its steps, and the model judge whether the goal is reached.

    Args:
        agent: does the steps; each is a conversation of its own, which is told what came of those before it.
        max_rounds: plans at most, each made from what the one before it left open.

    Raises:
        InvalidRequestError: max_rounds below 1.
    """

    def __init__(self, agent: Agent, max_rounds: int = 3) -> None:
        if max_rounds < 1:
            raise InvalidRequestError(f"max_rounds={max_rounds} is not valid: it must be at least 1")
        self._agent = agent
        self._max_rounds = max_rounds
        # Plans and reflections end by their form, and are of no use where they are cut.
        params = None if agent.params is None else replace(agent.params, max_tokens=None)
        self._planner = Agent(agent.model, name=f"{agent.name} planning", output_type=Plan, params=params)
        self._critic = Agent(agent.model, name=f"{agent.name} reflecting", output_type=Reflection, params=params)

    def solve(self, goal: str) -> PlanResult:
        """Works towards a goal.

        Raises:
            LLMAgentOSError: as `Agent.ask`; also where the model gives no first plan.
        """
        return finished(self.asolve(goal), "solve")

    async def asolve(self, goal: str) -> PlanResult:
        """`solve` for asyncio."""
        done: list[PlannedStep] = []
        reflection = Reflection(is_reached=False, answer="")
        for _ in range(self._max_rounds):
            plan = await self._plan(goal, done, reflection.missing)
            if not isinstance(plan.output, Plan):
                if not done:
                    raise LLMAgentOSError(f"the model gave no plan ({plan.status}): {plan.text}")
                break  # what was done is not lost for it
            for step in plan.output.steps:
                request = f"Goal: {goal}\n{_told(done)}\nDo this step now, and only this: {step}"
                done.append(PlannedStep(step, await self._agent.aask(request, MemorySession())))
                if done[-1].result.status == "needs_approval":
                    return PlanResult("needs_approval", reflection.answer, done)
                if done[-1].result.status != "done":
                    break  # the rest of the plan counted on it
            reflected = await self._reflect(goal, done)
            if not isinstance(reflected.output, Reflection):
                break
            reflection = reflected.output
            if reflection.is_reached:
                return PlanResult("done", reflection.answer, done)
        return PlanResult("not_reached", reflection.answer, done)

    async def _plan(self, goal: str, done: Sequence[PlannedStep], missing: str) -> AgentResult:
        tools = "\n".join(f"- {tool.name}: {tool.description}" for tool in self._agent.equipment.tools.values())
        left = f"Still missing: {missing}" if missing else ""
        request = (
            f"Make a plan of at most {MAX_STEPS} short steps for this goal: {goal}\n"
            f"Steps can use these tools:\n{tools or '- none'}\n{_told(done)}{left}"
        )
        return await self._planner.aask(request, MemorySession())

    async def _reflect(self, goal: str, done: Sequence[PlannedStep]) -> AgentResult:
        request = f"Goal: {goal}\n{_told(done)}\nIs the goal reached? Answer from the results above only."
        return await self._critic.aask(request, MemorySession())


def _told(done: Sequence[PlannedStep]) -> str:
    if not done:
        return ""
    lines = [f"- {item.step}: {item.result.text} ({item.result.status})" for item in done]
    return "Done so far:\n" + "\n".join(lines) + "\n"
