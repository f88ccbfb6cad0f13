"""A call's requests for asyncio: run to their ends, or read as they come, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from weakref import WeakKeyDictionary, ref

from llmagentos.calls.answers import AnswerForm
from llmagentos.calls.generation import RequestReader, Work
from llmagentos.completion import Chunk
from llmagentos.engine.engine import Engine
from llmagentos.engine.request import Request
from llmagentos.errors import InvalidRequestError


class ChunkStream:
    """The tokens of a call's requests as they come: an asynchronous iterator of lists of what is ready together.

    An entry is a request's number (its place in `work.requests`) and a chunk. The requests begin at once, and go on
    while nobody iterates; whoever made the stream must `cancel()` it in the end, which leaves finished ones as they
    are.

    Raises:
        InvalidRequestError: best_of or beams, whose texts are chosen at the end.
        QueueFullError: as many requests wait as may.
    """

    def __init__(self, engine: Engine, work: Work) -> None:
        for request in work.requests:
            check_streams(request)
        self._engine = engine
        self._requests = work.requests
        self._readers = [(index, RequestReader(request, work.form)) for index, request in enumerate(self._requests)]
        self._changed = _listen(self._requests)
        engine.start(self._requests)

    def __aiter__(self) -> AsyncIterator[list[tuple[int, Chunk]]]:
        return self

    async def __anext__(self) -> list[tuple[int, Chunk]]:
        while True:
            ready = [(index, chunk) for index, reader in self._readers for chunk in reader.take()]
            if ready:
                return ready
            for _, reader in self._readers:
                if reader.ended and reader.request.error is not None:
                    raise reader.request.error
            self._readers = [entry for entry in self._readers if not entry[1].ended]
            if not self._readers:
                raise StopAsyncIteration
            await self._changed.wait()
            self._changed.clear()

    def cancel(self) -> None:
        """Drop what is unfinished, at the latest before the next step."""
        self._engine.cancel(self._requests)


def check_streams(request: Request) -> None:
    """Check that a request's text is known as it grows.

    Raises:
        InvalidRequestError: it is not: best_of or num_beams.
    """
    for name in ("best_of", "num_beams"):
        value = getattr(request.params, name)
        if value not in (None, 1):
            raise InvalidRequestError(f"{name}={value} is not valid for a stream: it must be 1")


async def run_async(engine: Engine, requests: Sequence[Request]) -> None:
    """Run requests to their ends without blocking the event loop; cancelling the task cancels them."""
    changed = _listen(requests)
    try:
        engine.start(requests)
        while not all(request.finished for request in requests):
            await changed.wait()
            changed.clear()
    except BaseException:
        engine.cancel(requests)
        raise
    for request in requests:
        if request.error is not None:
            raise request.error


async def stream_chunks_async(engine: Engine, request: Request, form: AnswerForm) -> AsyncGenerator[Chunk, None]:
    """The request's tokens as they come; closing the iterator, or cancelling its task, cancels it."""
    stream = ChunkStream(engine, Work([[request]], 1, form))
    try:
        async for ready in stream:
            for _, chunk in ready:
                yield chunk
    finally:
        stream.cancel()


class _Bells:
    """Sets events of one event loop from other threads.

    A step gives every stream a token: the loop is woken once for all of them, since waking it is a system call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)  # the loop keeps its bells, and not they it
        self._rung: deque[asyncio.Event] = deque()
        self._is_called = False

    def ring(self, event: asyncio.Event) -> None:
        self._rung.append(event)
        if not self._is_called:
            self._is_called = True
            loop = self._loop()
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                if loop is not None:
                    loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._is_called = False  # before the events are taken: one that comes now has a call of its own
        while self._rung:
            self._rung.popleft().set()


_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bells] = WeakKeyDictionary()


def _listen(requests: Sequence[Request]) -> asyncio.Event:
    """An event that is set whenever one of the requests has changed, from whatever thread."""
    loop = asyncio.get_running_loop()
    bells = _bells.get(loop)
    if bells is None:
        bells = _bells[loop] = _Bells(loop)
    changed, ring = asyncio.Event(), bells.ring
    for request in requests:
        request.listener = lambda: ring(changed)
    return changed
