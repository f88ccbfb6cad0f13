"""A model for LangChain, by the package `langchain-openai`."""

from __future__ import annotations

from langchain_openai import ChatOpenAI

from llmagentos.agents.adapters.clients import async_openai_client, openai_client
from llmagentos.llm import LLM


def langchain_model(llm: LLM) -> ChatOpenAI:
    """A chat model for LangChain and LangGraph."""
    client, async_client = openai_client(llm), async_openai_client(llm)
    return ChatOpenAI(
        model=str(llm.info.name),
        root_client=client,
        root_async_client=async_client,
        client=client.chat.completions,
        async_client=async_client.chat.completions,
        stream_usage=True,
    )
