"""OpenAI's client; tests/server has more of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from .conftest import CHAT, Served

openai = pytest.importorskip("openai", reason="openai is not installed")
pytestmark = pytest.mark.compatibility

ASK: Any = [{"role": "user", "content": "What is the capital of France?"}]
GREEDY: Any = {"model": CHAT, "messages": ASK, "temperature": 0, "max_tokens": 24}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class City(BaseModel):
    name: str
    is_capital: bool


@pytest.fixture
def client(served: Served) -> Any:
    return openai.OpenAI(base_url=served.url, api_key="none", max_retries=0)


def test_answers_streams_and_models(client: Any) -> None:
    whole = client.chat.completions.create(**GREEDY)
    assert whole.choices[0].message.content
    chunks = list(client.chat.completions.create(**GREEDY, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert [model.id for model in client.models.list()] == [CHAT, "tiny", "vectors"]


def test_many_at_once_for_asyncio(served: Served) -> None:
    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=served.url, api_key="none") as client:
            answers = await asyncio.gather(*(client.chat.completions.create(**GREEDY) for _ in range(8)))
            return [answer.choices[0].message.content for answer in answers]

    assert len(set(asyncio.run(ask()))) == 1


def test_tools_and_their_results(client: Any) -> None:
    ask = GREEDY | {"tools": [WEATHER], "max_tokens": 100}
    message = client.chat.completions.create(**ask, tool_choice="required").choices[0].message
    call = message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    after = client.chat.completions.create(**ask | {"messages": [*ASK, message, result]}, tool_choice="none")
    assert after.choices[0].message.content


def test_parse(client: Any) -> None:
    ask = GREEDY | {"max_tokens": 200}
    assert isinstance(client.chat.completions.parse(**ask, response_format=City).choices[0].message.parsed, City)
    with client.chat.completions.stream(**ask, response_format=City) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, City)


def test_parse_with_tools_gives_calls_or_the_form(client: Any) -> None:
    ask = GREEDY | {
        "max_tokens": 200,
        "tools": [WEATHER | {"function": WEATHER["function"] | {"strict": True}}],
        "parallel_tool_calls": False,
        "response_format": City,
    }
    called = client.chat.completions.parse(**ask, tool_choice="required").choices[0].message
    assert called.tool_calls
    assert called.parsed is None
    formed = client.chat.completions.parse(**ask, tool_choice="none").choices[0].message
    assert isinstance(formed.parsed, City)
    either = client.chat.completions.parse(**ask).choices[0].message
    assert bool(either.tool_calls) != isinstance(either.parsed, City)


def test_responses(client: Any) -> None:
    ask: Any = {"model": CHAT, "input": "What is the capital of France?", "temperature": 0, "max_output_tokens": 24}
    answer = client.responses.create(**ask)
    assert answer.output_text
    events = list(client.responses.create(**ask, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == answer.output_text
    parsed = client.responses.parse(**ask | {"max_output_tokens": 200}, text_format=City)
    assert isinstance(parsed.output_parsed, City)


def test_completions_and_embeddings(client: Any) -> None:
    answer = client.completions.create(model=CHAT, prompt="The capital of France is", temperature=0, max_tokens=4)
    assert "Paris" in answer.choices[0].text
    found = client.embeddings.create(model="vectors", input=["the cat", "the dog"])
    assert len(found.data) == 2
