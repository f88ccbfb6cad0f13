"""Requests of /v1/completions."""

from __future__ import annotations

from pydantic import Field

from llmagentos.openai_protocol.sampling import SamplingFields, StreamOptions
from llmagentos.server.schemas.texts import TextOrTexts, one_by_one


class CompletionRequest(SamplingFields):
    model: str
    prompt: TextOrTexts
    n: int | None = None
    max_tokens: int | None = 16
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: bool | None = None
    best_of: int | None = None
    suffix: None = None
    # Taken, without effect:
    user: str | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts one by one."""
        return one_by_one(self.prompt)
