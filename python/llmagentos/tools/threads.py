"""Plain functions for asyncio, each in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from llmagentos.errors import ToolError


async def in_thread(function: Callable[..., Any], **given: Any) -> Any:
    """What the function returns. Cancelling stops the waiting; the function runs on, and its result is dropped.

    The thread is no one of a pool's, which an ending event loop or interpreter would wait for: a function that never
    returns holds up nobody.

    Raises:
        ToolError: the function tried to end the process.
        Exception: whatever the function raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.done():
            return  # nobody waits any more
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def run() -> None:
        value, error = None, None
        try:
            value = context.run(function, **given)
        except BaseException as raised:  # noqa: BLE001  (the caller's to handle)
            error = holdable(raised)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="llmagentos-tool", daemon=True).start()
    return await future


def holdable(error: BaseException) -> Exception:
    """The error as a future can hold it, and no function's decision to end the process."""
    if isinstance(error, StopIteration):
        return ToolError(f"StopIteration: {error}")
    return error if isinstance(error, Exception) else ToolError(f"it tried to end the process: {type(error).__name__}")
