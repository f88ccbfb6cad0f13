"""What generation returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "tool_calls", "timeout", "content_filter"]


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely one generated token was, from the raw distribution (before penalties, bias, temperature).

    Attributes:
        token_id: the chosen token.
        logprob: its natural log probability.
        top: the most likely (token id, natural log probability) pairs, best first; as many as `logprobs` asked for.
    """

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one completion. A service counts the completions of a prompt (n > 1) together: each has the sum.

    Attributes:
        prompt_tokens: tokens of the prompt.
        completion_tokens: every generated token, the end token included; of a service also those it thinks with.
        cached_tokens: tokens of the prompt that were found in the cache. It says what was spared, and is left out of
            comparisons.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = field(default=0, compare=False)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called.

    Attributes:
        id: names the call in the message that brings its result: nine letters and digits, which the same request gets
            each time; of a service what it says, which may be long.
        name: the tool's.
        arguments: as the model wrote them: JSON text that is valid for the tool's parameters; of a service an object
            in JSON, since what it holds its models to is its own affair.
        parsed: the arguments as an object.
    """

    id: str
    name: str
    arguments: str
    parsed: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a call in a stream. The arguments of all pieces of a call, joined, are the call's.

    Attributes:
        index: number of the call in this answer.
        id, name: the call's, on its first piece; None on the others.
        arguments: a piece of their JSON text, which may be empty.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished answer.

    Attributes:
        text: the generated text, without special tokens, the stop string and tool calls.
        token_ids: every generated token, the end token and the tokens of a stop string included. Services give none.
        logprobs: one entry per token of `token_ids`, or None where `SamplingParams.logprobs` was None.
        finish_reason: "stop" (an end token, a stop id, a stop string, or all that response_format allows is there),
            "tool_calls" (the same, with tools called), "length" (max_tokens or the context's end), "timeout" (the
            call's time was over; what there is, is here), or "content_filter" (a service held back an answer or a part
            of it, or its model refused; what it said is here).
        usage: token counts.
        prompt_logprobs: one entry per token of the prompt where `SamplingParams.prompt_logprobs` asked for it: None for
            the first, which nothing precedes, then each token's own log probability and the most likely ones.
        parsed: what the text stands for where response_format asked for a form: an object made of the JSON, an instance
            of the pydantic model, or the text itself. None where the answer was cut, and where Python cannot hold a
            number of it or a validator of the model's own refuses it.
        sequence_score: of beam search: the sum of the tokens' log probabilities, after penalties, divided by their
            number to the power of length_penalty; transformers' sequences_scores. None otherwise.
        tool_calls: the tools that the model wants called. A call that was cut is left out.
    """

    text: str
    token_ids: list[int]
    logprobs: list[TokenLogprob] | None
    finish_reason: FinishReason
    usage: Usage
    prompt_logprobs: Sequence[TokenLogprob | None] | None = None
    parsed: Any = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    sequence_score: float | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One generated token of a stream, or what a service sends at once. All texts, joined, are the completion's text.

    Attributes:
        text: may be empty while a character or a possible stop string is incomplete.
        token_id: the generated token; None on a last chunk that only says that the call's time was over, and of a
            service.
        logprob: its log probability where `SamplingParams.logprobs` asked for it.
        finish_reason: None before the last chunk.
        usage: token counts, on the last chunk only.
        tool_calls: pieces of tool calls that the token completes.
    """

    text: str
    token_id: int | None
    logprob: TokenLogprob | None
    finish_reason: FinishReason | None
    usage: Usage | None
    tool_calls: tuple[ToolCallDelta, ...] = ()
