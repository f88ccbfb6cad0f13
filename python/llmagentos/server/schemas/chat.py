"""Requests of /v1/chat/completions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from llmagentos.server.schemas.sampling import SamplingFields, StreamOptions
from llmagentos.server.schemas.strict import Strict


class ChatMessage(Strict):
    """A message. `refusal`, `annotations`, `audio`, `function_call` are what OpenAI's answers have in them, null or
    empty; `name` of others than tools is not shown to models."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = Field(None, max_length=0)
    audio: None = None
    function_call: None = None

    def as_message(self) -> dict[str, Any]:
        """As `LLM.chat` takes it."""
        role = "system" if self.role == "developer" else self.role
        message: dict[str, Any] = {"role": role, "content": self.content}
        if self.content is None and self.refusal is not None:
            message["content"] = self.refusal
        if self.tool_calls:
            message["tool_calls"] = self.tool_calls
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        if self.role == "tool" and self.name is not None:
            message["name"] = self.name
        return message


class ChatRequest(SamplingFields):
    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    modalities: list[Literal["text"]] | None = None
    # Taken, without effect:
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None

    @property
    def n_logprobs(self) -> int | None:
        """How many likeliest tokens are asked for with each token's own log probability; None without any."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def form(self) -> dict[str, Any]:
        """The options of `LLM.chat` that say what answers look like."""
        options: dict[str, Any] = {"response_format": self.response_format, "tools": self.tools or None}
        if self.tools:
            options |= {"tool_choice": self.tool_choice, "parallel_tool_calls": self.parallel_tool_calls}
        elif self.tool_choice not in (None, "none", "auto"):
            options["tool_choice"] = self.tool_choice
        return {name: value for name, value in options.items() if value is not None}
