"""A service's streams for asyncio: they block in a thread, and the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmagentos.completion import Chunk


async def iterate_in_thread(chunks: Iterator[Chunk]) -> AsyncIterator[Chunk]:
    """The chunks as they come; closing the iterator, or cancelling its task, closes the stream after its next chunk."""
    step: asyncio.Future[Chunk | None] | None = None
    loop = asyncio.get_running_loop()
    try:
        while True:
            step = loop.run_in_executor(None, next, chunks, None)
            chunk = await asyncio.shield(step)
            step = None
            if chunk is None:
                return
            yield chunk
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            if step is None:
                close()
            else:  # a generator that is running cannot be closed: its thread closes it
                step.add_done_callback(lambda done: (done.exception() if not done.cancelled() else None, close()))
