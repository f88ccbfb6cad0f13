"""Other frameworks, unmodified, on the engine of this process."""

from __future__ import annotations

import asyncio
from typing import Any

import agents as openai_agents
import openai
import pydantic_ai
import pytest
import smolagents
from pydantic import BaseModel, Field

from llmagentos import LLM, SamplingParams, loaded_model
from llmagentos.agents.adapters.clients import async_openai_client, openai_client
from llmagentos.agents.adapters.langchain import langchain_model
from llmagentos.agents.adapters.openai_agents import openai_agents_model
from llmagentos.agents.adapters.pydantic_ai import pydantic_ai_model
from llmagentos.agents.adapters.smolagents import SmolagentsModel
from tests.engine.fake_model import fake_model

ASK: Any = [{"role": "user", "content": "hi"}]


class Card(BaseModel):
    rank: int = Field(ge=1, le=13)
    is_red: bool


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> LLM:
    """A model whose answers are random letters, in whatever form is asked for."""
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model(context_length=16384))
    return LLM("fake")


def drawn(seed: int, max_tokens: int = 600) -> Any:
    return {"temperature": 1.0, "seed": seed, "max_tokens": max_tokens}


def test_openais_client_gets_what_the_model_says(llm: LLM) -> None:
    params = SamplingParams(temperature=0.0, max_tokens=12)
    expected = llm.chat(ASK, params)
    client = openai_client(llm)
    answer = client.chat.completions.create(model="x", messages=ASK, max_tokens=12, temperature=0, n=1)
    assert answer.choices[0].message.content == expected.text
    assert answer.choices[0].finish_reason == expected.finish_reason
    assert answer.usage is not None
    assert answer.usage.total_tokens == expected.usage.total_tokens
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="x", messages=ASK, max_tokens=12, temperature=0, **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected.text
    assert chunks[-1].usage.total_tokens == expected.usage.total_tokens

    async def awaited() -> str | None:
        completions = async_openai_client(llm).chat.completions
        answer = await completions.create(model="x", messages=ASK, max_tokens=12, temperature=0)
        return answer.choices[0].message.content

    assert asyncio.run(awaited()) == expected.text


def test_leaving_a_stream_cancels_its_request(llm: LLM) -> None:
    async def leave() -> None:
        completions = async_openai_client(llm).chat.completions
        stream = await completions.create(model="x", messages=ASK, stream=True, max_tokens=5000)
        async for _ in stream:
            break
        await stream.close()
        await asyncio.sleep(0)

    asyncio.run(leave())
    with openai_client(llm).chat.completions.create(model="x", messages=ASK, stream=True, max_tokens=5000) as stream:
        next(iter(stream))
    llm.chat(ASK, SamplingParams(max_tokens=1))  # a step, at which cancelled requests leave
    assert llm.stats().n_running == 0


def test_what_is_not_supported_is_refused_by_name(llm: LLM) -> None:
    client = openai_client(llm)
    with pytest.raises(openai.BadRequestError, match=r"audio=.* is not valid"):
        client.chat.completions.create(model="x", messages=ASK, audio={"voice": "alloy", "format": "wav"})
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client.chat.completions.create(model="x", messages=ASK, temperature=-1)
    with pytest.raises(openai.BadRequestError, match=r"/v1/embeddings is not answered here"):
        client.embeddings.create(model="x", input="hi")
    with pytest.raises(openai.BadRequestError, match="continuous_usage_stats=True"):
        client.chat.completions.create(
            model="x", messages=ASK, stream=True, stream_options={"continuous_usage_stats": True}
        )


def test_pydantic_ai(llm: LLM) -> None:
    model = pydantic_ai_model(llm)
    assert len(pydantic_ai.Agent(model, model_settings=drawn(1, 8)).run_sync("hi").output) > 0
    result = pydantic_ai.Agent(model, output_type=Card, model_settings=drawn(2)).run_sync("A card.")
    assert isinstance(result.output, Card)
    native = pydantic_ai.Agent(model, output_type=pydantic_ai.NativeOutput(Card), model_settings=drawn(3))
    assert isinstance(native.run_sync("A card.").output, Card)

    async def streamed() -> list[str]:
        async with pydantic_ai.Agent(model, model_settings=drawn(1, 8)).run_stream("hi") as stream:
            return [text async for text in stream.stream_text(delta=True)]

    assert "".join(asyncio.run(streamed()))


def test_openai_agents(llm: LLM) -> None:
    openai_agents.set_tracing_disabled(True)
    called: list[int] = []

    @openai_agents.function_tool
    def count(number: int) -> str:
        """Count."""
        called.append(number)
        return "counted"

    settings = openai_agents.ModelSettings(max_tokens=600, temperature=1.0, tool_choice="required")
    agent: Any = openai_agents.Agent(
        name="A",
        model=openai_agents_model(llm),
        model_settings=settings,
        tools=[count],
        tool_use_behavior="stop_on_first_tool",
    )
    assert openai_agents.Runner.run_sync(agent, "Count.").final_output == "counted"
    assert called


def test_langchain(llm: LLM) -> None:
    model = langchain_model(llm)
    whole = model.invoke("hi", temperature=0, max_tokens=8).content
    assert "".join(str(chunk.content) for chunk in model.stream("hi", temperature=0, max_tokens=8)) == whole
    assert isinstance(model.with_structured_output(Card).invoke("A card.", **drawn(4)), Card)


def test_smolagents(llm: LLM) -> None:
    model = SmolagentsModel(llm, **drawn(5))

    class Give(smolagents.Tool):  # type: ignore[misc]
        name = "give"
        description = "Give a number."
        inputs = {"number": {"type": "integer", "description": "any"}}  # noqa: RUF012
        output_type = "integer"

        def forward(self, number: int) -> int:
            return number

    message = model([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], tools_to_call_from=[Give()])
    assert message.tool_calls[0].function.name == "give"
