"""Perceive, decide, act: an agent's three steps, each of which a subclass may do in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from llmagentos.agents.sensors import Observation, ask_person, observed, print_action, sensor_of
from llmagentos.agents.waiting import awaited, plain

StopReason = Literal["end_of_input", "exit", "goal_reached", "turn_limit"]


class Cycle:
    """Perceives, decides and acts, over and over.

    Args:
        sensor: where observations come from: None for the terminal or a pipe, a function, a queue, a list.
        actuator: what is done with actions; None prints their text.
    """

    def __init__(self, sensor: Any = None, actuator: Callable[[Any], object] | None = None) -> None:
        self._sensor = sensor_of(sensor)
        self._actuator = actuator or print_action

    def perceive(self) -> Any:
        """The next observation from the sensor: a dict, mostly with "text"; None at the end of input."""
        return self._sensor()

    def decide(self, observation: Observation) -> Any:
        """What to do about an observation: here, the observation itself."""
        return observation

    async def adecide(self, observation: Observation) -> Any:
        """`decide` for asyncio."""
        return await awaited(self.decide, observation)

    def act(self, action: Any) -> Any:
        """Carries out what was decided, and returns what the actuator is to do, or None."""
        return action

    def goal_reached(self, outcome: Any) -> bool:
        """Whether `run` is over after what `act` returned; by default where it is a dict that says so."""
        return isinstance(outcome, Mapping) and bool(outcome.get("goal_reached", False))

    def allow(self, name: str, arguments: str) -> bool:
        """Whether a tool that needs approval may be called in `run`: asks at the terminal."""
        return ask_person(name, arguments)

    def run(self, max_turns: int | None = None) -> StopReason:
        """Perceives, decides and acts, until input ends, "exit" is said, the goal is reached, or `max_turns` are over.

        Raises:
            InvalidRequestError: a step is asynchronous; `await agent.arun()` takes such.
        """
        n_turns = 0
        while max_turns is None or n_turns < max_turns:
            observation = observed(plain(self.perceive(), "perceive"))
            if observation is None:
                return "end_of_input"
            if _says_exit(observation):
                return "exit"
            outcome = plain(self.act(plain(self.decide(observation), "decide")), "act")
            plain(self._actuator(outcome), "the actuator")
            if plain(self.goal_reached(outcome), "goal_reached"):
                return "goal_reached"
            n_turns += 1
        return "turn_limit"

    async def arun(self, max_turns: int | None = None) -> StopReason:
        """`run` for asyncio: each step may be `async`, and one that is not runs in a thread."""
        n_turns = 0
        while max_turns is None or n_turns < max_turns:
            observation = observed(await awaited(self.perceive))
            if observation is None:
                return "end_of_input"
            if _says_exit(observation):
                return "exit"
            outcome = await awaited(self.act, await self.adecide(observation))
            await awaited(self._actuator, outcome)
            if await awaited(self.goal_reached, outcome):
                return "goal_reached"
            n_turns += 1
        return "turn_limit"


def text_of(observation: Observation) -> str:
    """The observation in words: its text, or all of it as JSON."""
    text = observation.get("text")
    return text if isinstance(text, str) else json.dumps(dict(observation), default=str)


def _says_exit(observation: Observation) -> bool:
    text = observation.get("text")
    return isinstance(text, str) and text.strip().lower() == "exit"
