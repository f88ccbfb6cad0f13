"""llama-index: models by llama-index-llms-openai-like, vectors by llama-index-embeddings-openai-like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from .conftest import CHAT, Served

openai_like = pytest.importorskip(
    "llama_index.llms.openai_like", reason="llama-index-llms-openai-like is not installed"
)
vectors = pytest.importorskip(
    "llama_index.embeddings.openai_like", reason="llama-index-embeddings-openai-like is not installed"
)
pytestmark = pytest.mark.compatibility

ASK = "What is the capital of France?"


class City(BaseModel):
    """A city."""

    name: str
    is_capital: bool


def model(served: Served, **options: Any) -> Any:
    settings: Any = {
        "is_chat_model": True,
        "is_function_calling_model": True,
        "context_window": 2048,
        "temperature": 0,
        "max_tokens": 100,
        "max_retries": 0,
    }
    return openai_like.OpenAILike(model=CHAT, api_base=served.url, api_key="none", **settings | options)


def embeddings(served: Served) -> Any:
    return vectors.OpenAILikeEmbedding(model_name="vectors", api_base=served.url, api_key="none", max_retries=0)


def test_answers_and_streams(served: Served) -> None:
    llm = model(served)
    whole = llm.complete(ASK).text
    assert whole
    assert "".join(chunk.delta or "" for chunk in llm.stream_complete(ASK)) == whole
    assert asyncio.run(llm.acomplete(ASK)).text == whole
    plain = model(served, is_chat_model=False, max_tokens=4)
    assert "Paris" in plain.complete("The capital of France is").text


def test_tools_and_structured_output(served: Served) -> None:
    from llama_index.core.tools import FunctionTool

    def multiply(a: int, b: int) -> int:
        """Multiply two numbers."""
        return a * b

    llm, tool = model(served), FunctionTool.from_defaults(multiply)
    answer = llm.chat_with_tools([tool], "What is 6 times 7?", tool_required=True)
    (call, *_) = llm.get_tool_calls_from_response(answer)
    assert call.tool_name == "multiply"
    assert set(call.tool_kwargs) == {"a", "b"}
    assert isinstance(llm.as_structured_llm(City).complete(ASK).raw, City)
    by_schema = model(served, should_use_structured_outputs=True)
    assert isinstance(by_schema.as_structured_llm(City).complete(ASK).raw, City)


def test_documents_are_found_and_read(served: Served) -> None:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode

    nodes = [TextNode(text=text) for text in ("the cat sits on the mat", "bread is baked in the oven")]
    index = VectorStoreIndex(nodes, embed_model=embeddings(served))
    assert len(embeddings(served).get_text_embedding_batch([node.text for node in nodes])) == 2
    found = index.as_query_engine(llm=model(served), similarity_top_k=1).query("where does the cat sit")
    assert found.source_nodes[0].text == nodes[0].text
    assert str(found)
