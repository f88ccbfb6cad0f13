"""A model for smolagents."""

from __future__ import annotations

from typing import Any

from smolagents import OpenAIModel

from llmagentos.agents.adapters.clients import openai_client
from llmagentos.llm import LLM


class SmolagentsModel(OpenAIModel):  # type: ignore[misc]
    """For `smolagents.ToolCallingAgent` and `CodeAgent`.

    Args:
        options: what each answer is asked for with, such as max_tokens.
    """

    def __init__(self, llm: LLM, **options: Any) -> None:
        self._llm = llm
        super().__init__(str(llm.info.name), **options)

    def create_client(self) -> Any:
        """OpenAI's client, on the model in this process."""
        return openai_client(self._llm)
