"""An agent with two tools, on the default model: python examples/agent.py

A model of this size chooses a tool and its arguments; putting results into words is left to larger ones.
"""

from __future__ import annotations

from datetime import date

from llmagentos import LLM, Agent, SamplingParams, tool


@tool(idempotent=True)
def days_until(day: date) -> str:
    """Count the days from today until a date.

    Args:
        day: the date, as 2030-12-31.
    """
    return f"{(day - date.today()).days} days until {day:%d %B %Y}"  # noqa: DTZ011  (the user's own day)


@tool(idempotent=True)
def convert_length(kilometres: float) -> str:
    """Convert a length from kilometres to miles.

    Args:
        kilometres: the length.
    """
    return f"{kilometres:g} km are {kilometres / 1.609344:.2f} miles"


agent = Agent(
    LLM(),
    goal="Answer questions with the tools.",
    tools=[days_until, convert_length],
    tool_choice="required",
    parallel_tool_calls=False,
    answer_from_tools=True,
    params=SamplingParams(temperature=0, max_tokens=200),
)

for question in ("How many days are left until 2030-01-01?", "How many miles are 42.195 kilometres?"):
    print(question, "->", agent.ask(question).text)
print(agent.explain())
