"""Requests for chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, ValidationError

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.openai_protocol.refusal import refusal_of
from llmagentos.openai_protocol.sampling import SamplingFields, StreamOptions
from llmagentos.openai_protocol.strict import ListOf, Strict
from llmagentos.sampling_params import SamplingParams


class ChatMessage(Strict):
    """A message. `refusal`, `annotations`, `audio`, `function_call` are what OpenAI's answers have in them, null or
    empty; `name` of others than tools is not shown to models; some clients say the `type` of what they send."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | ListOf[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: ListOf[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    type: Literal["text", "message"] | None = None
    refusal: str | None = None
    annotations: list[Any] | None = Field(None, max_length=0)
    audio: None = None
    function_call: None = None

    def as_message(self) -> dict[str, Any]:
        """As `LLM.chat` takes it."""
        role = "system" if self.role == "developer" else self.role
        message: dict[str, Any] = {"role": role, "content": self.content}
        if self.content is None and self.role == "assistant" and not self.tool_calls:
            message["content"] = self.refusal or ""  # an answer with nothing in it
        if self.tool_calls:
            message["tool_calls"] = self.tool_calls
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        if self.role == "tool" and self.name is not None:
            message["name"] = self.name
        return message


class ChatRequest(SamplingFields):
    model: str
    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True)
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    response_format: dict[str, Any] | None = None
    tools: ListOf[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    modalities: ListOf[Literal["text"]] | None = None
    # What OpenAI's service does and this package does not may be said to be off:
    audio: None = None
    function_call: None = None
    functions: None = None
    moderation: None = None
    prediction: None = None
    reasoning_effort: Literal["none"] | None = None
    verbosity: None = None
    web_search_options: None = None
    # Taken, without effect:
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None

    def arguments(self, default: SamplingParams) -> tuple[list[dict[str, Any]], SamplingParams | None, dict[str, Any]]:
        """Messages, parameters and options, as `LLM.chat` takes them.

        Args:
            default: the model's own parameters, for what the request leaves open.

        Raises:
            InvalidRequestError: a value outside its domain; names it.
        """
        given = self.chat_sampling()
        return self.as_messages(), replace(default, **given) if given else None, self.form()

    def as_messages(self) -> list[dict[str, Any]]:
        """The conversation, as `LLM.chat` takes it."""
        return [message.as_message() for message in self.messages]

    def chat_sampling(self) -> dict[str, Any]:
        """The parameters that the request gives.

        Raises:
            InvalidRequestError: a logit bias for what is no token.
        """
        max_tokens = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        return self.sampling(max_tokens=max_tokens, logprobs=self.n_logprobs)

    def check(self) -> None:
        """
        Raises:
            InvalidRequestError: fields that contradict each other, by their names.
        """
        if self.top_logprobs is not None and not self.logprobs:
            raise InvalidRequestError(f"top_logprobs={self.top_logprobs} needs logprobs=true")
        if self.stream_options is not None and not self.stream:
            options = self.stream_options.model_dump(exclude_unset=True)
            raise InvalidRequestError(f"stream_options={shown(options)} needs stream=true")
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            raise InvalidRequestError(
                f"max_tokens={self.max_tokens} contradicts max_completion_tokens={self.max_completion_tokens}"
            )

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


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """A request as it came, checked.

    Raises:
        InvalidRequestError: a field that is not known, or not valid; names it.
    """
    try:
        request = ChatRequest.model_validate(body)
    except ValidationError as error:
        raise InvalidRequestError(refusal_of(error.errors(), body).message) from None
    request.check()
    return request
