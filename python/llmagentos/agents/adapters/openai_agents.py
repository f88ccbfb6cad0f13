"""A model for openai-agents."""

from __future__ import annotations

from agents import OpenAIChatCompletionsModel

from llmagentos.agents.adapters.clients import async_openai_client
from llmagentos.llm import LLM


def openai_agents_model(llm: LLM) -> OpenAIChatCompletionsModel:
    """For `agents.Agent(model=...)`. That package sends traces to OpenAI unless `agents.set_tracing_disabled(True)`."""
    return OpenAIChatCompletionsModel(str(llm.info.name), async_openai_client(llm))
