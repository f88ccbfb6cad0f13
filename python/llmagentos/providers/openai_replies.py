"""The shapes of OpenAI's replies that are read here, checked: other servers speak this protocol more or less."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from llmagentos.completion import FinishReason, Usage
from llmagentos.errors import ProviderError, shown

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class _Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _PromptDetails(_Shape):
    cached_tokens: int | None = None


class UsageReply(_Shape):
    prompt_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None

    def read(self) -> Usage:
        details = self.prompt_tokens_details
        return Usage(self.prompt_tokens, self.completion_tokens, (details.cached_tokens or 0) if details else 0)


class _Function(_Shape):
    name: str | None = None
    arguments: str | None = None


class CallReply(_Shape):
    """A call, or a piece of one in a stream."""

    index: int = 0
    id: str | None = None
    function: _Function = Field(default_factory=_Function)


class MessageReply(_Shape):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[CallReply] | None = None


class _Choice(_Shape):
    message: MessageReply
    finish_reason: str


class ChatReply(_Shape):
    choices: list[_Choice] = Field(min_length=1)
    usage: UsageReply | None = None


class _TextChoice(_Shape):
    text: str
    finish_reason: str


class TextReply(_Shape):
    choices: list[_TextChoice] = Field(min_length=1)
    usage: UsageReply | None = None


class _ChunkChoice(_Shape):
    delta: MessageReply | None = None
    text: str | None = None
    finish_reason: str | None = None


class ChunkReply(_Shape):
    """A piece of a chat's answer, or of a text that is continued."""

    choices: list[_ChunkChoice] = Field(default_factory=list)
    usage: UsageReply | None = None

    @property
    def choice(self) -> _ChunkChoice:
        return self.choices[0] if self.choices else _ChunkChoice()


class _Embedding(_Shape):
    index: int
    embedding: list[float]


class EmbeddingsReply(_Shape):
    data: list[_Embedding]
    usage: UsageReply | None = None


def reason_of(reason: str, title: str) -> FinishReason:
    """Why an answer ended.

    Raises:
        ProviderError: the protocol has no such reason.
    """
    if reason not in _REASONS:
        raise ProviderError(f"{title} ended an answer for a reason that its protocol does not have: {shown(reason)}")
    return _REASONS[reason]
