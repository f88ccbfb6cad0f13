"""What generation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length"]


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
    """Token counts of one completion. `completion_tokens` counts every generated token, the end token included."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished answer.

    Attributes:
        text: the generated text, without special tokens and without the stop string.
        token_ids: every generated token, the end token and the tokens of a stop string included.
        logprobs: one entry per token of `token_ids`, or None where `SamplingParams.logprobs` was None.
        finish_reason: "stop" (an end token, a stop id or a stop string) or "length" (max_tokens or the context's end).
        usage: token counts.
    """

    text: str
    token_ids: list[int]
    logprobs: list[TokenLogprob] | None
    finish_reason: FinishReason
    usage: Usage


@dataclass(frozen=True, slots=True)
class Chunk:
    """One generated token of a stream. The texts of all chunks, joined, are the completion's text.

    Attributes:
        text: may be empty while a character or a possible stop string is incomplete.
        token_id: the generated token.
        logprob: its log probability where `SamplingParams.logprobs` asked for it.
        finish_reason: None before the last chunk.
        usage: token counts, on the last chunk only.
    """

    text: str
    token_id: int
    logprob: TokenLogprob | None
    finish_reason: FinishReason | None
    usage: Usage | None
