"""Events of streams of choices. Nearly all of one stream differ in a choice only, and are cut out of one mould."""

from __future__ import annotations

from typing import Any

import orjson

from llmagentos.completion import Usage

DONE = b"data: [DONE]\n\n"


def usage_of(usage: Usage) -> dict[str, Any]:
    """Token counts in OpenAI's shape."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


class EventMould:
    """Writes the events of one stream.

    Args:
        fields: what all of them have; `choices`, empty, is the last.
        with_usage: whether the last event has the token counts, for which the others then have null.
    """

    def __init__(self, fields: dict[str, Any], with_usage: bool) -> None:
        self._fields = fields
        head, end = orjson.dumps(fields).split(b'"choices":[]')
        self._head = b"data: " + head + b'"choices":['
        self._tail = b"]" + (b',"usage":null' if with_usage else b"") + end + b"\n\n"

    def event(self, choice: bytes, usage: Usage | None = None) -> bytes:
        """The event of one choice, as JSON.

        Args:
            usage: token counts so far, where each event is to tell them.
        """
        if usage is None:
            return self._head + choice + self._tail
        return self._head + choice + b'],"usage":' + orjson.dumps(usage_of(usage)) + b"}\n\n"

    def usage(self, usage: Usage) -> bytes:
        """The event without choices that tells the token counts."""
        return b"data: " + orjson.dumps({**self._fields, "usage": usage_of(usage)}) + b"\n\n"
