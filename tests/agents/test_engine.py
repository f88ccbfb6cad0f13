"""Agents on the engine: on a model that knows nothing, whose calls are valid all the same, and on the default one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field

from llmagentos import LLM, Agent, SamplingParams, loaded_model
from llmagentos.agents.events import TextDelta
from llmagentos.agents.planning import Planner
from llmagentos.agents.scripted import ScriptedModel
from llmagentos.agents.session import MemorySession
from llmagentos.tools import calculator
from tests.agents.twelve_tools import QUESTIONS, TOOLS, faults
from tests.engine.fake_model import fake_model


class Card(BaseModel):
    rank: int = Field(ge=1, le=13)
    is_red: bool


@pytest.fixture
def ignorant(monkeypatch: pytest.MonkeyPatch) -> LLM:
    """A model whose tokens are random wherever they are free."""
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(context_length=16384))
    return LLM("fake")


def test_calls_of_a_model_that_knows_nothing_are_valid(ignorant: LLM) -> None:
    assert faults(ignorant, 24, params=SamplingParams(temperature=1.0, seed=3, max_tokens=1000)) == []


def test_answers_are_objects_with_tools_and_without(ignorant: LLM) -> None:
    params = SamplingParams(temperature=1.0, seed=5, max_tokens=1000)
    assert isinstance(Agent(ignorant, output_type=Card, params=params).ask("A card.").output, Card)
    result = Agent(ignorant, tools=TOOLS, output_type=Card, params=params, max_steps=100).ask("A card.")
    assert (result.status, type(result.output)) == ("done", Card)


def test_plans_and_reflections_are_whole_whatever_the_limit_of_answers_is(ignorant: LLM) -> None:
    agent = Agent(ignorant, params=SamplingParams(temperature=1.0, seed=5, max_tokens=20))
    result = Planner(agent, max_rounds=1).solve("Go.")
    assert [step.result.status for step in result.steps] == ["length"]
    assert result.status in ("done", "not_reached")
    assert len(result.answer) <= 600


def test_agents_share_the_engine_and_cancelling_one_leaves_it_free(ignorant: LLM) -> None:
    params = SamplingParams(temperature=1.0, seed=5, max_tokens=4000, ignore_eos=True)
    agent = Agent(ignorant, params=params)

    async def run() -> None:
        session = MemorySession()
        stream = agent.astream("Talk.", session)
        assert isinstance(await anext(stream), TextDelta)
        await stream.aclose()
        assert session.is_in_turn
        short = Agent(ignorant, params=SamplingParams(max_tokens=3, ignore_eos=True))
        results = await asyncio.gather(*(short.aask("Hi") for _ in range(4)))
        assert [result.status for result in results] == ["length"] * 4

    asyncio.run(run())
    assert ignorant.stats().n_running == 0


@pytest.mark.model
def test_the_default_model_calls_the_tool_that_was_asked_for() -> None:
    with LLM(context_length=4096) as llm:
        agent = Agent(llm, tools=TOOLS[:1], tool_choice="required", answer_from_tools=True, parallel_tool_calls=False)
        assert agent.ask("What is the weather in Paris?").text == "21 C in Paris"


@pytest.mark.model
def test_the_default_model_s_calls_of_library_tools_end() -> None:
    with LLM(context_length=4096) as llm:
        agent = Agent(
            llm, tools=[calculator], tool_choice="required", parallel_tool_calls=False, answer_from_tools=True
        )
        for question in ("What is 12.5 * 8?", "What is the sum of the first 20 numbers?"):
            assert agent.ask(question).status == "done"
        assert agent.ask("How much is 17% of 240?").text == "40.8"
        asked = Agent(ScriptedModel(["It is sunny."]), name="Weather", goal="Tells the weather.").as_tool()
        agent = Agent(llm, tools=[asked], tool_choice="required", parallel_tool_calls=False, answer_from_tools=True)
        assert agent.ask("How is the weather in Paris?").text == "It is sunny."


@pytest.mark.model
def test_the_default_model_answers_a_conversation_that_was_handed_to_it() -> None:
    with LLM(context_length=4096) as llm:
        billing = Agent(llm, name="Billing", goal="You help with invoices and payments.")
        front = Agent(llm, name="Front", handoffs=[billing], tool_choice="required", parallel_tool_calls=False)
        result = front.ask("I was charged twice for my order.")
        assert result.status == "done"
        assert "tool_response" not in result.text
        assert "goes on" not in result.text


@pytest.mark.acceptance
def test_two_hundred_turns_over_twelve_tools_on_the_default_model() -> None:
    with LLM() as llm:
        greedy = SamplingParams(temperature=0, max_tokens=400)
        drawn: Any = SamplingParams(temperature=1.0, seed=7, max_tokens=400)
        assert faults(llm, len(QUESTIONS), params=greedy) == []
        assert faults(llm, 200, params=drawn) == []
