"""Work that ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request

from llmagentos.server.errors import ApiError

_T = TypeVar("_T")


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """What the work returns; it is cancelled as soon as the client closes its connection.

    Raises:
        ApiError: 499, the client has left; nobody reads it but the log.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ApiError(499, "the client has closed its connection", code="client_closed_request")
        return task.result()
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
