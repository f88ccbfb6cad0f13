"""Twelve tools whose arguments are bounded, of many types, and questions about them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from llmagentos.tools.tool import Tool, tool

Name = Annotated[str, Field(max_length=16)]
Count = Annotated[int, Field(ge=0, le=99)]


class Point(BaseModel):
    x: Annotated[float, Field(ge=-180, le=180)]
    y: Annotated[float, Field(ge=-90, le=90)]


class Guest(BaseModel):
    name: Name
    is_child: bool = False
    allergies: Annotated[list[Literal["nuts", "milk", "fish"]], Field(max_length=2)] = []


@tool
def weather(city: Name, unit: Literal["C", "F"] = "C") -> str:
    """Tell the weather in a city."""
    return f"21 {unit} in {city}"


@tool
def add(a: Count, b: Count) -> int:
    """Add two numbers."""
    return a + b


@tool
def set_timer(minutes: Annotated[int, Field(ge=1, le=240)], label: Name | None = None) -> str:
    """Set a timer."""
    return f"{minutes} minutes, {label}"


@tool
def light(room: Literal["kitchen", "hall", "bedroom"], on: bool) -> str:
    """Switch a light on or off."""
    return f"{room} {on}"


@tool
def day_of_week(day: date) -> str:
    """Tell the day of the week of a date."""
    return f"{day:%A}"


@tool
def distance(start: Point, end: Point) -> float:
    """Tell the distance between two points."""
    return abs(start.x - end.x) + abs(start.y - end.y)


@tool
def invite(guests: Annotated[list[Guest], Field(min_length=1, max_length=2)]) -> str:
    """Invite guests."""
    return ", ".join(guest.name for guest in guests)


@tool
def shop(items: Annotated[list[Name], Field(max_length=3)], urgent: bool = False) -> str:
    """Put items on the shopping list."""
    return f"{len(items)} items, {urgent}"


@tool
def convert(amount: Annotated[float, Field(ge=0, le=1000)], to: Literal["EUR", "USD", "CNY"]) -> str:
    """Convert an amount of money."""
    return f"{amount} {to}"


@tool
def volume(level: Annotated[int, Field(ge=0, le=10)]) -> str:
    """Set the volume."""
    return f"{level}"


@tool
def zip_code(code: Annotated[str, Field(pattern=r"^[0-9]{5}$")]) -> str:
    """Look up a zip code."""
    return f"{code} is somewhere"


@tool
def now() -> str:
    """Tell the time."""
    return "noon"


TOOLS: list[Tool] = [
    weather, add, set_timer, light, day_of_week, distance, invite, shop, convert, volume, zip_code, now,
]  # fmt: skip

QUESTIONS = [
    "What is the weather in Paris?",
    "What is 17 plus 25?",
    "Set a timer for ten minutes.",
    "Switch the light in the kitchen on.",
    "What day of the week is 2024-02-29?",
    "How far is it from 1, 2 to 3, 4?",
    "Invite Ann and her son Bob, who must not eat nuts.",
    "We need bread and milk.",
    "How much are 20 dollars in euros?",
    "Turn the volume down to 3.",
    "Where is 10115?",
    "What time is it?",
]


def faults(model: Any, n_turns: int, **options: Any) -> list[str]:
    """What went wrong in so many turns, each of which must call a tool: nothing, for a model held to schemas."""
    from llmagentos.agents.agent import Agent
    from llmagentos.agents.records import CallResult

    agent = Agent(
        model, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, answer_from_tools=True, **options
    )
    found: list[str] = []
    for turn in range(n_turns):
        result = agent.ask(QUESTIONS[turn % len(QUESTIONS)])
        results = [record for record in result.records if isinstance(record, CallResult)]
        if result.status != "done" or [one.outcome for one in results] != ["ok"]:
            found.append(f"turn {turn}: {result.status}, {results}, {result.text}")
    return found
