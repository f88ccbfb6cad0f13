"""Answers as objects."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from llmagentos.agents.agent import Agent
from llmagentos.agents.events import Retried
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.errors import InvalidRequestError
from llmagentos.tools.tool import tool


class City(BaseModel):
    name: str
    people: int

    @field_validator("name")
    @classmethod
    def _is_capital(cls, name: str) -> str:
        if not name[0].isupper():
            raise ValueError("begin with a capital")
        return name


@tool
def look_up(name: str) -> int:
    """Look up how many people live in a city."""
    return 7


def test_an_agent_without_tools_has_the_model_write_the_object() -> None:
    model = ScriptedModel(['{"name": "Rome", "people": 3}'])
    result = Agent(model, output_type=City).ask("A city?")
    assert result.output == City(name="Rome", people=3)
    assert model.requests[0].options == {"response_format": City}


def test_an_answer_that_is_none_is_asked_for_again() -> None:
    model = ScriptedModel(['{"name": "rome", "people": 3}', '{"name": "Rome", "people": 3}'])
    agent = Agent(model, output_type=City)
    events = list(agent.stream("A city?"))
    assert [event.attempt for event in events if isinstance(event, Retried)] == [1]
    assert "name: Value error, begin with a capital. Answer again." in model.requests[1].messages[-1]["content"]
    result = Agent(ScriptedModel(["no"] * 3), output_type=City).ask("A city?")
    assert (result.status, result.output, result.text, result.steps) == ("invalid_output", None, "no", 3)


def test_an_agent_with_tools_answers_by_a_tool_more() -> None:
    good = ScriptedCall("final_answer", {"name": "Rome", "people": 7})
    bad = ScriptedCall("final_answer", {"name": "rome", "people": 7})
    model = ScriptedModel([ScriptedCall("look_up", {"name": "Rome"}), bad, [bad, good]])
    result = Agent(model, tools=[look_up], output_type=City).ask("A city?")
    assert (result.status, result.output) == ("done", City(name="Rome", people=7))
    assert model.requests[0].tool_names == ["look_up", "final_answer"]
    assert model.requests[0].options["tool_choice"] == "required"
    parameters = model.requests[0].options["tools"][1]["function"]["parameters"]
    assert parameters["additionalProperties"] is False
    assert not result.session.is_in_turn
    assert result.session.pending == []


@pytest.mark.parametrize(
    ("output_type", "answer", "expected"),
    [
        (list[int], '{"answer": [1, 2]}', [1, 2]),
        (bool, '{"answer": true}', True),
        (City | None, '{"answer": null}', None),
    ],
)
def test_other_types_are_wrapped(output_type: Any, answer: str, expected: Any) -> None:
    assert Agent(ScriptedModel([answer]), output_type=output_type).ask("?").output == expected


def test_a_type_without_a_schema_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match=r"output_type=.* has no JSON schema"):
        Agent(ScriptedModel([]), output_type=object.__subclasses__).ask("?")
