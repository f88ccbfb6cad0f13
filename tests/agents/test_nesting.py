"""Agents that are their own tools, directly or by way of others: their runs have an end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmagentos.agents.agent import Agent
from llmagentos.agents.nesting import MAX_NESTED_RUNS
from llmagentos.agents.records import CallResult
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.tools.tool import Tool, tool

MANY = 200  # answers, and more than those that it may take


def calling(name: str, n_answers: int = MANY) -> ScriptedModel:
    return ScriptedModel([ScriptedCall(name, {"request": "Again."})] * n_answers)


def of_itself() -> tuple[Agent, str]:
    agent = Agent(calling("ask_one"), name="One", max_steps=3)
    agent.equipment.tools["ask_one"] = agent.as_tool()
    return agent, "One > One > One"


def of_each_other() -> tuple[Agent, str]:
    one, two = (
        Agent(calling(f"ask_{other}"), name=name, max_steps=3) for name, other in (("One", "two"), ("Two", "one"))
    )
    one.equipment.tools["ask_two"], two.equipment.tools["ask_one"] = two.as_tool(), one.as_tool()
    return one, "One > Two > One"


def by_a_hand_over() -> tuple[Agent, str]:
    two = Agent(calling("ask_one"), name="Two", max_steps=4)
    one = Agent(ScriptedModel([ScriptedCall("transfer_to_two")] * MANY), name="One", handoffs=[two])
    two.equipment.tools["ask_one"] = one.as_tool()
    return one, "One > One > One"


def in_threads() -> tuple[Agent, str]:
    @tool
    def ask_one(request: str) -> str:
        """Ask again."""
        return agent.ask(request).text

    agent = Agent(calling("ask_one"), name="One", tools=[ask_one], max_steps=3)
    return agent, "One > One > One"


@pytest.mark.parametrize("made", [of_itself, of_each_other, by_a_hand_over, in_threads])
def test_an_agent_that_is_its_own_tool_is_told_so(made: Callable[[], tuple[Agent, str]]) -> None:
    agent, chain = made()
    result = agent.ask("Go.")
    assert result.status == "step_limit"
    results = [record for record in result.records if isinstance(record, CallResult) and record.outcome != "ok"]
    assert len(results) == 3
    assert {one.outcome for one in results} == {"error"}
    assert results[0].text.startswith(f"runs of agents are nested more than {MAX_NESTED_RUNS} deep, as where an agent")
    assert chain in results[0].text


def test_agents_may_be_nested_as_deep_as_it_says() -> None:
    asked: Tool | None = None
    for number in range(MAX_NESTED_RUNS, 0, -1):
        model = ScriptedModel(["42."] if asked is None else [ScriptedCall(asked.name, {"request": "?"}), "Passed on."])
        agent = Agent(model, name=f"Agent {number}", tools=[] if asked is None else [asked])
        asked = agent.as_tool()
    result = agent.ask("?")
    assert (result.text, [one.text for one in result.records if isinstance(one, CallResult)]) == (
        "Passed on.",
        ["Passed on."],
    )


def test_runs_after_each_other_are_not_nested() -> None:
    expert = Agent(ScriptedModel(["42."] * 20), name="Expert")
    call = ScriptedCall("ask_expert", {"request": "?"})
    agent = Agent(ScriptedModel([*[[call, call]] * 10, "Done."]), tools=[expert.as_tool()], max_steps=11)
    result = agent.ask("?")
    assert [one.outcome for one in result.records if isinstance(one, CallResult)] == ["ok"] * 20
