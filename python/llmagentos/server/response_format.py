"""Answers of /v1/responses: whole, and as the events that build them up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from llmagentos.completion import Chunk, Completion, FinishReason, ToolCallDelta, Usage
from llmagentos.server.errors import api_error_of
from llmagentos.server.schemas.responses import ResponseRequest

Item = dict[str, Any]


def new_response(body: ResponseRequest, sampling: Mapping[str, Any]) -> dict[str, Any]:
    """An answer that has nothing yet, with what was asked for."""
    return {
        "id": f"resp_{secrets.token_hex(16)}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "model": body.model,
        "output": [],
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": sampling.get("temperature"),
        "text": {"format": (body.text.format if body.text is not None else None) or {"type": "text"}},
        "tool_choice": body.tool_choice or "auto",
        "tools": [tool.model_dump() for tool in body.tools or ()],
        "top_p": sampling.get("top_p"),
        "truncation": "disabled",
        "usage": None,
        "user": body.user,
    }


def whole_response(response: dict[str, Any], completion: Completion, usage: Usage) -> dict[str, Any]:
    """The answer when all of it is there."""
    items = [_message(completion.text, "completed")] if completion.text or not completion.tool_calls else []
    items += [_call(call.id, call.name, call.arguments, "completed") for call in completion.tool_calls]
    return {**response, "output": items, **_ending(completion.finish_reason, usage)}


def _ending(reason: FinishReason | None, usage: Usage) -> dict[str, Any]:
    is_cut = reason == "length"
    return {
        "status": "incomplete" if is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "usage": {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.total_tokens,
        },
    }


def _message(text: str | None, status: Literal["in_progress", "completed"]) -> Item:
    content = [] if text is None else [_part(text)]
    return {
        "id": f"msg_{secrets.token_hex(16)}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(call_id: str, name: str, arguments: str, status: Literal["in_progress", "completed"]) -> Item:
    return {
        "id": f"fc_{secrets.token_hex(16)}",
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


class ResponseEvents:
    """Writes a streamed answer's events. One item is open at a time: the message, or a call.

    Args:
        response: as `new_response` makes it.
    """

    def __init__(self, response: dict[str, Any]) -> None:
        self._response = response
        self._items: list[Item] = []
        self._open: Item | None = None
        self._pieces: list[str] = []
        self._n_events = 0

    def begin(self) -> bytes:
        """The events before the first token."""
        created = self._event("response.created", response=self._response)
        return created + self._event("response.in_progress", response=self._response)

    def add(self, chunk: Chunk) -> bytes:
        """The events of one chunk."""
        written = b""
        if chunk.text:
            if self._open is None or self._open["type"] != "message":
                written += self._close() + self._begin_message()
            written += self._piece("response.output_text.delta", chunk.text)
        for delta in chunk.tool_calls:
            if delta.id is not None:
                written += self._close() + self._begin_call(delta)
            if delta.arguments:
                written += self._piece("response.function_call_arguments.delta", delta.arguments)
        return written

    def end(self, reason: FinishReason | None, usage: Usage) -> bytes:
        """The events after the last token."""
        written = b"" if self._items or self._open is not None else self._begin_message()
        written += self._close()
        ending = _ending(reason, usage)
        response = {**self._response, "output": self._items, **ending}
        return written + self._event(f"response.{ending['status']}", response=response)

    def fail(self, error: Exception) -> bytes:
        """The event that tells of an error."""
        failure = api_error_of(error)
        details = {"code": failure.code or "server_error", "message": failure.detail}
        return self._event("response.failed", response={**self._response, "status": "failed", "error": details})

    def _begin_message(self) -> bytes:
        written = self._begin(_message(None, "in_progress"))
        return written + self._event("response.content_part.added", **self._place(), content_index=0, part=_part(""))

    def _begin_call(self, delta: ToolCallDelta) -> bytes:
        return self._begin(_call(delta.id or "", delta.name or "", "", "in_progress"))

    def _begin(self, item: Item) -> bytes:
        self._open, self._pieces = item, []
        return self._event("response.output_item.added", output_index=len(self._items), item=item)

    def _piece(self, kind: str, text: str) -> bytes:
        self._pieces.append(text)
        content = {"content_index": 0, "logprobs": []} if kind == "response.output_text.delta" else {}
        return self._event(kind, **self._place(), **content, delta=text)

    def _close(self) -> bytes:
        """The events that end the open item."""
        item = self._open
        if item is None:
            return b""
        place, text = self._place(), "".join(self._pieces)
        if item["type"] == "message":
            part = _part(text)
            written = self._event(
                "response.output_text.done", **place, content_index=0, text=text, logprobs=[]
            ) + self._event("response.content_part.done", **place, content_index=0, part=part)
            item = {**item, "status": "completed", "content": [part]}
        else:
            written = self._event("response.function_call_arguments.done", **place, name=item["name"], arguments=text)
            item = {**item, "status": "completed", "arguments": text}
        written += self._event("response.output_item.done", output_index=len(self._items), item=item)
        self._items.append(item)
        self._open = None
        return written

    def _place(self) -> dict[str, Any]:
        assert self._open is not None  # noqa: S101  (asked of an open item only)
        return {"item_id": self._open["id"], "output_index": len(self._items)}

    def _event(self, kind: str, **fields: Any) -> bytes:
        data = orjson.dumps({"type": kind, "sequence_number": self._n_events, **fields})
        self._n_events += 1
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"
