"""litellm."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from .conftest import CHAT, Served

litellm = pytest.importorskip("litellm", reason="litellm is not installed")
pytestmark = pytest.mark.compatibility

ASK: Any = [{"role": "user", "content": "What is the capital of France?"}]


class City(BaseModel):
    name: str
    is_capital: bool


@pytest.fixture
def settings(served: Served) -> dict[str, Any]:
    return {"api_base": served.url, "api_key": "none", "temperature": 0, "max_retries": 0}


def test_answers_and_streams(settings: dict[str, Any]) -> None:
    ask = {"model": f"openai/{CHAT}", "messages": ASK, "max_tokens": 24, **settings}
    whole = litellm.completion(**ask)
    text = whole.choices[0].message.content
    assert text
    chunks = list(litellm.completion(**ask, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert asyncio.run(litellm.acompletion(**ask)).choices[0].message.content == text


def test_tools_and_structured_output(settings: dict[str, Any]) -> None:
    ask = {"model": f"openai/{CHAT}", "messages": ASK, "max_tokens": 100, **settings}
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "population", "parameters": parameters}}
    answer = litellm.completion(**ask, tools=[tool], tool_choice="required")
    assert answer.choices[0].message.tool_calls[0].function.name == "population"
    parsed = litellm.completion(**ask, response_format=City).choices[0].message.content
    assert set(json.loads(parsed)) == {"name", "is_capital"}


def test_responses(settings: dict[str, Any]) -> None:
    answer = litellm.responses(model=f"openai/{CHAT}", input=ASK[0]["content"], max_output_tokens=24, **settings)
    assert answer.output[0].content[0].text


def test_completions_and_embeddings(settings: dict[str, Any]) -> None:
    prompt = "The capital of France is"
    ask = {"model": f"text-completion-openai/{CHAT}", "prompt": prompt, "max_tokens": 4, **settings}
    assert "Paris" in litellm.text_completion(**ask).choices[0].text
    del settings["temperature"]
    found = litellm.embedding(model="openai/vectors", input=["the cat", "the dog"], **settings)
    assert len(found.data) == 2


def test_an_error_is_the_right_one(settings: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError, match="temperature=-1"):
        litellm.completion(model=f"openai/{CHAT}", messages=ASK, **settings | {"temperature": -1})
    with pytest.raises(litellm.NotFoundError, match="no model"):
        litellm.completion(model="openai/none", messages=ASK, **settings)
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(model="openai/tiny", messages=[{"role": "user", "content": "long " * 4000}], **settings)
