"""openai-agents, by both of OpenAI's interfaces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field

from .conftest import CHAT, Served

agents = pytest.importorskip("agents", reason="openai-agents is not installed")
pytestmark = pytest.mark.compatibility

ASK = "What is the capital of France?"


class City(BaseModel):
    name: str = Field(max_length=20)
    is_capital: bool


@pytest.fixture(params=["OpenAIChatCompletionsModel", "OpenAIResponsesModel"])
def model(request: pytest.FixtureRequest, served: Served) -> Any:
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)
    return getattr(agents, request.param)(CHAT, AsyncOpenAI(base_url=served.url, api_key="none", max_retries=0))


def agent(model: Any, **options: Any) -> Any:
    settings = agents.ModelSettings(
        temperature=0.0,
        max_tokens=200,
        tool_choice=options.pop("tool_choice", None),
        parallel_tool_calls=False
        if "tools" in options or "handoffs" in options
        else None,  # or it calls until it is cut
    )
    return agents.Agent(name="A", instructions="You are helpful.", model=model, model_settings=settings, **options)


def test_answers_and_streams(model: Any) -> None:
    async def ask() -> None:
        streamed = agents.Runner.run_streamed(agent(model), ASK)
        deltas = [
            event.data.delta
            async for event in streamed.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
        assert "".join(deltas) == streamed.final_output
        again = [*streamed.to_input_list(), {"role": "user", "content": "And of Italy?"}]
        assert (await agents.Runner.run(agent(model, output_type=City), again)).final_output
        whole = await agents.Runner.run(agent(model), ASK)
        assert whole.final_output == streamed.final_output

    asyncio.run(ask())


def test_structured_output(model: Any) -> None:
    assert isinstance(agents.Runner.run_sync(agent(model, output_type=City), ASK).final_output, City)


def test_tools_and_hand_overs(model: Any) -> None:
    called: list[str] = []

    @agents.function_tool
    def population(city: str) -> str:
        """How many people live in a city."""
        called.append(city)
        return "2100000"

    asking = agent(model, tools=[population], tool_choice="required", tool_use_behavior="stop_on_first_tool")
    asked = agents.Runner.run_sync(asking, ASK, max_turns=10)
    assert called
    assert asked.final_output == "2100000"
    other = agents.Agent(name="Other", instructions="You are brief.", model=model, output_type=City)
    handed = agents.Runner.run_sync(agent(model, handoffs=[other], tool_choice="required"), ASK, max_turns=10)
    assert handed.last_agent.name == "Other"
