"""Answers of /v1/completions: whole, and in pieces."""

from __future__ import annotations

import codecs
import secrets
import time
from collections.abc import Sequence
from typing import Any

import orjson

from llmagentos.completion import Chunk, Completion, TokenLogprob, Usage
from llmagentos.openai_protocol.events import EventMould, usage_of
from llmagentos.openai_protocol.token_texts import TokenTexts
from llmagentos.server.calls import Batch


class LogprobsWriter:
    """One text's logprobs, in order: tokens, their own log probabilities, the likeliest ones, and where each begins.

    Args:
        offset: characters before the first token.
    """

    def __init__(self, tokens: TokenTexts, offset: int = 0) -> None:
        self._tokens = tokens
        self._offset = offset
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, scores: Sequence[TokenLogprob]) -> dict[str, list[Any]]:
        """The entries of the next tokens."""
        return {
            "tokens": [self._tokens.name(one.token_id) for one in scores],
            "token_logprobs": [one.logprob for one in scores],
            "top_logprobs": [self._tokens.likeliest(one) for one in scores],
            "text_offset": [self._next_offset(one.token_id) for one in scores],
        }

    def write_first(self, id: int) -> dict[str, list[Any]]:
        """The entry of a prompt's first token, which nothing precedes."""
        return {
            "tokens": [self._tokens.name(id)],
            "token_logprobs": [None],
            "top_logprobs": [None],
            "text_offset": [self._next_offset(id)],
        }

    def _next_offset(self, id: int) -> int:
        offset = self._offset
        self._offset += len(self._decoder.decode(self._tokens.bytes_of(id)))
        return offset


def joined(parts: Sequence[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """Entries one after the other."""
    return {name: [entry for part in parts for entry in part[name]] for name in parts[0]}


def text_completion(model: str, choices: list[dict[str, Any]], usage: Usage) -> dict[str, Any]:
    """A whole answer."""
    return {
        "id": f"cmpl-{secrets.token_hex(12)}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": None,
        "choices": choices,
        "usage": usage_of(usage),
    }


def choice_of(index: int, completion: Completion, echo: Echo | None, tokens: TokenTexts | None) -> dict[str, Any]:
    """One completion, behind its prompt where that is echoed.

    Args:
        tokens: None without log probabilities.
    """
    text = completion.text if echo is None else echo.text + completion.text
    logprobs = None
    if tokens is not None:
        writer = LogprobsWriter(tokens)
        parts = [] if echo is None else [echo.logprobs(writer, completion)]
        logprobs = joined([*parts, writer.write(completion.logprobs or ())])
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": completion.finish_reason}


class Echo:
    """A prompt that is given back.

    Args:
        text: as it was given.
        first_id: its first token; None where only a service knows.
    """

    def __init__(self, text: str, first_id: int | None) -> None:
        self.text = text
        self._first_id = first_id

    def logprobs(self, writer: LogprobsWriter, completion: Completion) -> dict[str, list[Any]]:
        """The entries of its tokens."""
        scores = [one for one in completion.prompt_logprobs or () if one is not None]
        first = [] if self._first_id is None else [writer.write_first(self._first_id)]
        return joined([*first, writer.write(scores)])


class CompletionChunks:
    """Writes a streamed answer's events.

    Args:
        with_usage: whether an event at the end has the token counts.
        echoes: prompts that are given back first, by the completions' numbers.
        tokens: None without log probabilities.
    """

    def __init__(self, model: str, with_usage: bool, echoes: Sequence[str], tokens: TokenTexts | None) -> None:
        fields = text_completion(model, [], Usage(0, 0))
        del fields["usage"]
        self._mould = EventMould(fields, with_usage)
        self._tokens = tokens
        self._echoes = dict(enumerate(echoes))
        self._writers: dict[int, LogprobsWriter] = {}

    def events(self, batch: Batch, usage: Usage | None = None) -> bytes:
        """The events of a batch; empty where its tokens complete no text yet.

        Args:
            usage: token counts so far, where each event is to tell them.
        """
        return b"".join([self._event(index, chunk, usage) for index, chunk in batch])

    def usage(self, usage: Usage) -> bytes:
        """The event that tells the token counts."""
        return self._mould.usage(usage)

    def _event(self, index: int, chunk: Chunk, usage: Usage | None) -> bytes:
        text = self._echoes.pop(index, "") + chunk.text
        reason = None if chunk.finish_reason == "timeout" else chunk.finish_reason
        logprobs = None
        if self._tokens is not None and chunk.logprob is not None:
            writer = self._writers.setdefault(index, LogprobsWriter(self._tokens))
            logprobs = writer.write([chunk.logprob])
        elif not text and reason is None:
            return b""
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
        return self._mould.event(orjson.dumps(choice), usage)
