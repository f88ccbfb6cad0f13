"""langchain-openai."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from .conftest import CHAT, Served

langchain_openai = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
pytestmark = pytest.mark.compatibility

ASK = "What is the capital of France?"


class City(BaseModel):
    """A city."""

    name: str
    is_capital: bool


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def model(served: Served, **options: Any) -> Any:
    settings: Any = {"model": CHAT, "temperature": 0, "max_tokens": 100, **options}
    return langchain_openai.ChatOpenAI(base_url=served.url, api_key="none", max_retries=0, **settings)


@pytest.mark.parametrize("use_responses_api", [False, True])
def test_answers_and_streams(served: Served, use_responses_api: bool) -> None:
    # A connection of its own: those that langchain shares belong to the event loop they were first used in.
    own = httpx.AsyncClient()
    chat = model(served, use_responses_api=use_responses_api, stream_usage=True, http_async_client=own)
    whole = chat.invoke(ASK)
    assert whole.text
    chunks = list(chat.stream(ASK))
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata) > 0
    batch = asyncio.run(chat.abatch([ASK, ASK]))
    assert [answer.text for answer in batch] == [whole.text] * 2


@pytest.mark.parametrize("use_responses_api", [False, True])
def test_tools_and_their_results(served: Served, use_responses_api: bool) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    with_tools = model(served, use_responses_api=use_responses_api).bind_tools([multiply], tool_choice="any")
    question = HumanMessage("What is 6 times 7?")
    answer = with_tools.invoke([question])
    (call, *_) = answer.tool_calls
    assert call["name"] == "multiply"
    assert set(call["args"]) == {"a", "b"}
    results = [ToolMessage(str(multiply(**one["args"])), tool_call_id=one["id"]) for one in answer.tool_calls]
    after = model(served, use_responses_api=use_responses_api).invoke([question, answer, *results])
    assert after.text


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_structured_output(served: Served, method: str) -> None:
    ask = f"{ASK} Answer as JSON with the keys name (a string) and is_capital (true or false)."
    found = model(served).with_structured_output(City, method=method, include_raw=True).invoke(ask)
    if method == "json_mode":  # whose form is the model's own choice
        assert found["raw"].text.lstrip().startswith("{")
    else:
        assert isinstance(found["parsed"], City)


def test_log_probabilities(served: Served) -> None:
    answer = model(served, logprobs=True, top_logprobs=2).invoke(ASK)
    assert len(answer.response_metadata["logprobs"]["content"][0]["top_logprobs"]) == 2


def test_embeddings_and_completions(served: Served) -> None:
    # Otherwise it cuts texts itself, by the tokens of OpenAI's models.
    settings: Any = {"model": "vectors", "check_embedding_ctx_length": False}
    vectors = langchain_openai.OpenAIEmbeddings(base_url=served.url, api_key="none", **settings)
    assert len(vectors.embed_documents(["the cat", "the dog"])) == 2
    assert vectors.embed_query("the cat") == vectors.embed_documents(["the cat"])[0]
    plain = langchain_openai.OpenAI(base_url=served.url, api_key="none", model=CHAT, temperature=0, max_tokens=4)
    assert "Paris" in plain.invoke("The capital of France is")
