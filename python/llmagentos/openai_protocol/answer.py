"""Chat completions: whole, and in pieces."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

import orjson

from llmagentos.completion import Chunk, Completion, ToolCall, ToolCallDelta, Usage
from llmagentos.openai_protocol.events import EventMould, usage_of
from llmagentos.openai_protocol.token_texts import TokenTexts


def chat_completion(
    model: str, completions: Sequence[Completion], usage: Usage, tokens: TokenTexts | None
) -> dict[str, Any]:
    """A whole answer.

    Args:
        tokens: None without log probabilities.
    """
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": None,
        "service_tier": None,
        "choices": [_choice(index, completion, tokens) for index, completion in enumerate(completions)],
        "usage": usage_of(usage),
    }


def _choice(index: int, completion: Completion, tokens: TokenTexts | None) -> dict[str, Any]:
    calls = [_tool_call(call) for call in completion.tool_calls]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if calls and not completion.text else completion.text,
        "refusal": None,
    }
    if calls:
        message["tool_calls"] = calls
    logprobs = None
    if tokens is not None:
        logprobs = {"content": [tokens.chat_entry(one) for one in completion.logprobs or ()], "refusal": None}
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": completion.finish_reason}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


class ChatChunks:
    """Writes a streamed answer's events.

    Args:
        with_usage: whether an event at the end has the token counts.
        tokens: None without log probabilities.
    """

    def __init__(self, model: str, with_usage: bool, tokens: TokenTexts | None) -> None:
        fields = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": None,
            "choices": [],
        }
        self._mould = EventMould(fields, with_usage)
        self._tokens = tokens
        self._begun: set[int] = set()

    def events(self, batch: Sequence[tuple[int, Chunk]], usage: Usage | None = None) -> bytes:
        """The events of (number of the completion, chunk) of a batch; empty where its tokens complete no text yet.

        Args:
            usage: token counts so far, where each event is to tell them.
        """
        return b"".join([self._event(index, chunk, usage) for index, chunk in batch])

    def usage(self, usage: Usage) -> bytes:
        """The event that tells the token counts."""
        return self._mould.usage(usage)

    def _event(self, index: int, chunk: Chunk, usage: Usage | None) -> bytes:
        begin = b""
        if index not in self._begun:
            self._begun.add(index)
            role = {"role": "assistant", "content": "", "refusal": None}
            begin = self._mould.event(_choice_delta(index, role), usage)
        is_plain = chunk.finish_reason is None and self._tokens is None and not chunk.tool_calls
        if is_plain and not chunk.text:
            return begin
        if is_plain:
            text = orjson.dumps(chunk.text)
            middle = b'{"index":%d,"delta":{"content":%b},"logprobs":null,"finish_reason":null}' % (index, text)
            return begin + self._mould.event(middle, usage)
        delta: dict[str, Any] = {}
        if chunk.text:
            delta["content"] = chunk.text
        if chunk.tool_calls:
            delta["tool_calls"] = [_tool_call_delta(call) for call in chunk.tool_calls]
        logprobs = None
        if self._tokens is not None and chunk.logprob is not None:
            logprobs = {"content": [self._tokens.chat_entry(chunk.logprob)], "refusal": None}
        reason = None if chunk.finish_reason == "timeout" else chunk.finish_reason
        if reason is None or not delta:
            return begin + self._mould.event(_choice_delta(index, delta, logprobs, reason), usage)
        # As OpenAI's: the end is an event of its own.
        said = self._mould.event(_choice_delta(index, delta, logprobs), usage)
        return begin + said + self._mould.event(_choice_delta(index, {}, None, reason), usage)


def _choice_delta(
    index: int, delta: dict[str, Any], logprobs: dict[str, Any] | None = None, reason: str | None = None
) -> bytes:
    return orjson.dumps({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason})


def _tool_call_delta(call: ToolCallDelta) -> dict[str, Any]:
    function: dict[str, Any] = {"arguments": call.arguments}
    if call.name is not None:
        function = {"name": call.name, **function}
    begin = {} if call.id is None else {"id": call.id, "type": "function"}
    return {"index": call.index, **begin, "function": function}
