"""Plan, act, reflect."""

from __future__ import annotations

import json

import pytest

from llmagentos.agents.agent import Agent
from llmagentos.agents.planning import Planner
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.tools.tool import tool


@tool
def look(place: str) -> str:
    """Look somewhere."""
    return f"the key is not in the {place}" if place == "hall" else "here is the key"


@tool(requires_approval=True)
def open_door() -> str:
    """Open the door."""
    return "open"


def plan(*steps: str) -> str:
    return json.dumps({"steps": steps})


def reflection(is_reached: bool, answer: str, missing: str = "") -> str:
    return json.dumps({"is_reached": is_reached, "answer": answer, "missing": missing})


def test_a_plan_is_made_done_and_judged_until_the_goal_is_reached() -> None:
    model = ScriptedModel(
        [
            plan("Look in the hall"),
            ScriptedCall("look", {"place": "hall"}),
            "Not in the hall.",
            reflection(False, "", "Look in the kitchen"),
            plan("Look in the kitchen"),
            ScriptedCall("look", {"place": "kitchen"}),
            "It is there.",
            reflection(True, "The key is in the kitchen."),
        ]
    )
    result = Planner(Agent(model, tools=[look])).solve("Find the key.")
    assert (result.status, result.answer) == ("done", "The key is in the kitchen.")
    assert [(one.step, one.result.text) for one in result.steps] == [
        ("Look in the hall", "Not in the hall."),
        ("Look in the kitchen", "It is there."),
    ]
    asked = [request.messages[0]["content"] for request in model.requests]
    assert "- look: Look somewhere." in asked[0]
    assert "- Look in the hall: Not in the hall. (done)" in asked[3]
    assert "Still missing: Look in the kitchen" in asked[4]
    assert "Do this step now, and only this: Look in the kitchen" in asked[5]


def test_rounds_have_an_end_and_a_step_may_wait_for_a_person() -> None:
    model = ScriptedModel([plan("a"), "a.", reflection(False, "Not yet."), plan("b"), "b.", reflection(False, "No.")])
    result = Planner(Agent(model), max_rounds=2).solve("Go.")
    assert (result.status, result.answer, len(result.steps)) == ("not_reached", "No.", 2)
    model = ScriptedModel([plan("Open", "Leave"), ScriptedCall("open_door")])
    result = Planner(Agent(model, tools=[open_door])).solve("Leave.")
    assert (result.status, [call.name for call in result.steps[0].result.pending]) == ("needs_approval", ["open_door"])


def test_no_plan_is_an_error() -> None:
    with pytest.raises(LLMAgentOSError, match=r"the model gave no plan \(invalid_output\): none"):
        Planner(Agent(ScriptedModel(["none"] * 3))).solve("Go.")
    with pytest.raises(InvalidRequestError, match="max_rounds=0"):
        Planner(Agent(ScriptedModel([])), max_rounds=0)


def test_what_was_done_is_not_lost_where_the_model_stops_making_sense() -> None:
    for rest in ([reflection(True, "x")[:-2]] * 3, [reflection(False, "Not yet."), *["none"] * 3]):
        model = ScriptedModel([plan("Look"), ScriptedCall("look", {"place": "hall"}), "Not there.", *rest])
        result = Planner(Agent(model, tools=[look])).solve("Find the key.")
        assert (result.status, [one.result.text for one in result.steps]) == ("not_reached", ["Not there."])
        assert result.answer == ("Not yet." if len(rest) == 4 else "")
