"""A service's answer as it comes, read in a thread of its own: a service that does not answer holds up no end of the
program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING

from llmagentos.own_thread import holdable, tell

if TYPE_CHECKING:
    from llmagentos.completion import Chunk


class ServiceStream:
    """The chunks of a service's answer as they come: an asynchronous iterator of lists of what is ready together.

    They are read at once, and go on being read while nobody iterates; whoever made the stream must `close()` it.
    """

    def __init__(self, chunks: Generator[Chunk, None, None]) -> None:
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._ready: list[Chunk] = []
        self._error: Exception | None = None
        self._has_ended = self._is_closed = False
        threading.Thread(target=self._read, name="llmagentos-service", daemon=True).start()

    def __aiter__(self) -> ServiceStream:
        return self

    async def __anext__(self) -> list[Chunk]:
        await self.wait()
        if self._ready:
            ready, self._ready = self._ready, []
            return ready
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def wait(self) -> None:
        """Wait until there is a chunk, or the end.

        Raises:
            LLMAgentOSError: it ended with this error, without another chunk.
        """
        while not (self._ready or self._has_ended):
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None and not self._ready:
            raise self._error

    def close(self) -> None:
        """End the service's connection, at the latest after its next chunk."""
        self._is_closed = True

    def _read(self) -> None:
        try:
            for chunk in self._chunks:
                if self._is_closed:
                    break
                tell(self._loop, self._take, chunk)
            self._chunks.close()
        except BaseException as error:  # noqa: BLE001  (raised where it is iterated)
            tell(self._loop, self._end, holdable(error))
        else:
            tell(self._loop, self._end, None)

    def _take(self, chunk: Chunk) -> None:
        self._ready.append(chunk)
        self._changed.set()

    def _end(self, error: Exception | None) -> None:
        self._error, self._has_ended = error, True
        self._changed.set()


async def stream_in_thread(chunks: Generator[Chunk, None, None]) -> AsyncIterator[Chunk]:
    """The chunks one by one; closing the iterator, or cancelling its task, closes the stream after its next chunk."""
    stream = ServiceStream(chunks)
    try:
        async for ready in stream:
            for chunk in ready:
                yield chunk
    finally:
        stream.close()
