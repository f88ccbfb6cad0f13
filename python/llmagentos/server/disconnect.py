"""Work that ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request

from llmagentos.server.errors import ApiError, timed_out

_T = TypeVar("_T")


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, _T], timeout: float | None = None) -> _T:
    """What the work returns; it is cancelled as soon as the client closes its connection, and after `timeout` seconds.

    Raises:
        ApiError: 499, the client has left, and nobody reads it but the log; 504, the time is over.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if timeout is not None and not gone.done():
            raise timed_out(timeout)
        raise ApiError(499, "the client has closed its connection", code="client_closed_request")
    finally:
        for one in (task, gone):
            one.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await gone
        with suppress(asyncio.CancelledError, Exception):
            await task


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
