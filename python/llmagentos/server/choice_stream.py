"""Streams of choices: those of /v1/chat/completions and /v1/completions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from llmagentos.completion import Usage
from llmagentos.openai_protocol.events import DONE
from llmagentos.openai_protocol.sampling import StreamOptions
from llmagentos.server.calls import Batch, Call


class Chunks(Protocol):
    """What writes the events."""

    def events(self, batch: Batch, usage: Usage | None = None) -> bytes:
        """Those of a batch, each with the token counts so far if these are given; empty where there is nothing yet."""

    def usage(self, usage: Usage) -> bytes:
        """That of the token counts."""


async def choice_events(call: Call, chunks: Chunks, options: StreamOptions) -> AsyncIterator[bytes]:
    """The events of a begun stream, to its end."""
    async for batch in call.batches():
        events = chunks.events(batch, call.usage if options.continuous_usage_stats else None)
        if events:
            yield events
    yield (chunks.usage(call.usage) if options.include_usage else b"") + DONE
