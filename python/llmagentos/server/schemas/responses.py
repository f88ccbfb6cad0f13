"""Requests of /v1/responses. The server keeps nothing: every request brings the whole conversation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from llmagentos.openai_protocol.sampling import SamplingFields
from llmagentos.openai_protocol.strict import ListOf, Off, Strict, Zero


class ContentPart(Strict):
    """A piece of a message: what was said. `annotations` and `logprobs` are what answers have, empty."""

    type: Literal["input_text", "output_text", "text"]
    text: str
    annotations: list[Any] | None = Field(None, max_length=0)
    logprobs: list[Any] | None = None


class MessageItem(Strict):
    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | ListOf[ContentPart]
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class FunctionCallItem(Strict):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: str | None = None


class FunctionOutputItem(Strict):
    type: Literal["function_call_output"]
    call_id: str
    output: str | ListOf[ContentPart]
    id: str | None = None
    status: str | None = None


def _type_of(item: Any) -> Any:
    """By which the item is read, so that what is wrong with it is told of the type that it has."""
    return item.get("type", "message") if isinstance(item, dict) else getattr(item, "type", "message")


InputItem = Annotated[
    Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionOutputItem, Tag("function_call_output")]
    | Annotated[MessageItem, Tag("message")],
    Discriminator(
        _type_of,
        custom_error_type="item_type",
        custom_error_message="its type should be 'message', 'function_call' or 'function_call_output'",
    ),
]


class FunctionTool(Strict):
    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ResponseStreamOptions(Strict):
    include_obfuscation: Off | None = None


class TextSettings(Strict):
    format: dict[str, Any] | None = None
    verbosity: None = None


class ResponseRequest(SamplingFields):
    model: str
    input: str | Annotated[list[InputItem], Field(min_length=1, fail_fast=True)]
    instructions: str | None = None
    max_output_tokens: int | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    text: TextSettings | None = None
    tools: ListOf[FunctionTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    # What OpenAI's service does and this server does not may be said to be off:
    background: Off | None = None
    context_management: None = None
    conversation: None = None
    max_tool_calls: None = None
    moderation: None = None
    previous_response_id: None = None
    prompt: None = None
    reasoning: None = None
    include: list[Any] | None = Field(None, max_length=0)
    top_logprobs: Zero | None = None
    truncation: Literal["disabled"] | None = None
    # Taken, without effect:
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None
