"""A model for pydantic-ai."""

from __future__ import annotations

from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from llmagentos.agents.adapters.clients import async_openai_client
from llmagentos.llm import LLM


def pydantic_ai_model(llm: LLM) -> OpenAIChatModel:
    """For `pydantic_ai.Agent(model)`."""
    return OpenAIChatModel(str(llm.info.name), provider=OpenAIProvider(openai_client=async_openai_client(llm)))
