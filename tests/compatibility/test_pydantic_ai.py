"""pydantic-ai, by both of OpenAI's interfaces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field

from .conftest import CHAT, Served

pydantic_ai = pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")
pytestmark = pytest.mark.compatibility

ASK = "What is the capital of France?"


class City(BaseModel):
    name: str = Field(max_length=20)
    is_capital: bool


@pytest.fixture(params=["OpenAIChatModel", "OpenAIResponsesModel"])
def model(request: pytest.FixtureRequest, served: Served) -> Any:
    from pydantic_ai.models import openai
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=served.url, api_key="none")
    settings: Any = {"temperature": 0.0, "max_tokens": 200}
    return getattr(openai, request.param)(CHAT, provider=provider, settings=settings)


def test_answers_and_streams(model: Any) -> None:
    agent = pydantic_ai.Agent(model, instructions="You are helpful.")
    whole = agent.run_sync(ASK)
    assert whole.output
    assert whole.usage.output_tokens > 0

    async def streamed() -> str:
        async with agent.run_stream(ASK) as stream:
            return "".join([text async for text in stream.stream_text(delta=True)])

    assert asyncio.run(streamed()) == whole.output
    again = agent.run_sync("And of Italy?", message_history=whole.all_messages())
    assert again.output


def test_structured_output_by_tools_and_by_schema(model: Any) -> None:
    assert isinstance(pydantic_ai.Agent(model, output_type=City).run_sync(ASK).output, City)
    native = pydantic_ai.Agent(model, output_type=pydantic_ai.NativeOutput(City))
    assert isinstance(native.run_sync(ASK).output, City)


def test_tools(model: Any) -> None:
    called: list[str] = []

    def population(city: str) -> int:
        """How many people live in a city."""
        called.append(city)
        return 2_100_000

    ask = "How many people live in Paris?"
    assert pydantic_ai.Agent(model, output_type=population).run_sync(ask).output == 2_100_000
    # So small a model calls the tool again and again: what is seen is that its results are taken.
    agent, limits = (
        pydantic_ai.Agent(model, output_type=City, tools=[population]),
        pydantic_ai.UsageLimits(request_limit=3),
    )
    with pytest.raises(pydantic_ai.UsageLimitExceeded):
        agent.run_sync(ask, usage_limits=limits)
    assert len(called) >= 4
