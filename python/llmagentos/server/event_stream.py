"""Server-sent events (WHATWG HTML, section 9.2) as OpenAI's clients read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from llmagentos.server.errors import api_error_of


class EventStream(StreamingResponse):
    """A response made of events, each given as its bytes; several may come in one piece.

    An error after the beginning is an event of its own, and the stream ends in order.

    Args:
        events: what is sent.
        failure: the event that tells of an error.
        timeout: seconds for all of it; a client that reads too slowly loses its connection then.
        close: called at the end in any case, also when the client has left before the first event.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[bytes],
        timeout: float,
        close: Callable[[], None],
        failure: Callable[[Exception], bytes] | None = None,
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_in_order(events, failure or error_event), headers=headers)
        self._timeout = timeout
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.wait_for(super().__call__(scope, receive, send), self._timeout)
        finally:
            self._close()


def event(value: object) -> bytes:
    """One event with a value as JSON."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def error_event(error: Exception) -> bytes:
    """How OpenAI's clients are told of an error in a stream."""
    return event(api_error_of(error).body)


async def _in_order(events: AsyncIterator[bytes], failure: Callable[[Exception], bytes]) -> AsyncIterator[bytes]:
    try:
        async for some in events:
            yield some
    except Exception as error:  # noqa: BLE001  (headers are sent: this is the only way to tell)
        yield failure(error)
