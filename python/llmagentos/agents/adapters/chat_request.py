"""A request of OpenAI's chat completions as a call of `LLM.chat`, and its answer in their shape."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmagentos.completion import Chunk, Completion, ToolCall, ToolCallDelta, Usage
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.sampling_params import SamplingParams

_SAMPLING = ("temperature", "top_p", "stop", "seed", "n", "presence_penalty", "frequency_penalty")
_OPTIONS = ("tools", "tool_choice", "parallel_tool_calls", "response_format")
# They say nothing about the answer: who asks, what for, and what is to be kept of it.
_PASSED_OVER = ("model", "stream", "stream_options", "user", "metadata", "store", "service_tier", "prompt_cache_key")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a client asks for.

    Attributes:
        params: None where the request says nothing of sampling, so that the model's own settings hold.
        streams: whether the answer is wanted token by token.
        with_usage: whether a stream is to end with token counts.
    """

    messages: list[dict[str, Any]]
    params: SamplingParams | None
    options: dict[str, Any]
    streams: bool
    with_usage: bool


def chat_request_of(body: Mapping[str, Any], defaults: SamplingParams) -> ChatRequest:
    """Reads a request.

    Args:
        defaults: the model's own settings, for what the request leaves open.

    Raises:
        InvalidRequestError: a field that is not supported; names it.
    """
    given = {name: value for name, value in body.items() if value is not None}
    known = (*_SAMPLING, *_OPTIONS, *_PASSED_OVER, "messages", "max_tokens", "max_completion_tokens", "logit_bias")
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidRequestError(f"{unknown[0]}={shown(given[unknown[0]])} is not supported")
    sampling = {name: given[name] for name in _SAMPLING if name in given}
    if (most := given.get("max_completion_tokens", given.get("max_tokens"))) is not None:
        sampling["max_tokens"] = most
    if "logit_bias" in given:
        sampling["logit_bias"] = {int(token): bias for token, bias in given["logit_bias"].items()}
    from dataclasses import replace

    options = {name: given[name] for name in _OPTIONS if name in given}
    if not options.get("tools"):
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            options.pop(name, None)
    return ChatRequest(
        [_message(message) for message in given.get("messages", ())],
        replace(defaults, **sampling) if sampling else None,
        options,
        bool(given.get("stream", False)),
        bool((given.get("stream_options") or {}).get("include_usage", False)),
    )


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """As `LLM.chat` takes it: OpenAI's later name of the system role is the same, and null fields say nothing."""
    role = "system" if message.get("role") == "developer" else message.get("role")
    kept = {name: value for name, value in message.items() if value is not None and value != []}
    if role != "tool":
        kept.pop("name", None)
    if "content" not in kept and "tool_calls" not in kept:
        kept["content"] = ""
    return {**kept, "role": role}


def completion_body(completions: list[Completion], model: str) -> dict[str, Any]:
    """An answer, of one choice for each completion."""
    choices = [
        {"index": index, "message": _answer(one), "finish_reason": _reason(one.finish_reason), "logprobs": None}
        for index, one in enumerate(completions)
    ]
    n_prompt = completions[0].usage.prompt_tokens
    usage = Usage(n_prompt, sum(one.usage.completion_tokens for one in completions))
    return {**_head(model, "chat.completion"), "choices": choices, "usage": _usage(usage)}


def _answer(completion: Completion) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": completion.text or None}
    if completion.tool_calls:
        message["tool_calls"] = [_call(call) for call in completion.tool_calls]
    elif not completion.text:
        message["content"] = ""
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


class ChunkBodies:
    """The events of one stream."""

    def __init__(self, model: str, with_usage: bool) -> None:
        self._head = _head(model, "chat.completion.chunk")
        self._with_usage = with_usage
        self._is_first = True

    def of(self, chunk: Chunk) -> list[dict[str, Any]]:
        """What a chunk is told as: nothing, where it has no text yet and ends nothing."""
        delta: dict[str, Any] = {"role": "assistant"} if self._is_first else {}
        if chunk.text:
            delta["content"] = chunk.text
        if chunk.tool_calls:
            delta["tool_calls"] = [_call_delta(piece) for piece in chunk.tool_calls]
        bodies: list[dict[str, Any]] = []
        if delta or chunk.finish_reason:
            reason = None if chunk.finish_reason is None else _reason(chunk.finish_reason)
            choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
            bodies.append({**self._head, "choices": [choice]})
        if chunk.usage is not None and self._with_usage:
            bodies.append({**self._head, "choices": [], "usage": _usage(chunk.usage)})
        self._is_first = False
        return bodies


def _call_delta(piece: ToolCallDelta) -> dict[str, Any]:
    function = {"arguments": piece.arguments, **({} if piece.name is None else {"name": piece.name})}
    head = {} if piece.id is None else {"id": piece.id, "type": "function"}
    return {"index": piece.index, **head, "function": function}


def _reason(reason: str) -> str:
    return "length" if reason == "timeout" else reason  # theirs has no word for it


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}
