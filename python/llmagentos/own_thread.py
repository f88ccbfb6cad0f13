"""Functions that wait, for asyncio: each in a thread of its own.

The threads are daemons and no pool's: what never returns holds up neither others nor the end of the program.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from llmagentos.errors import LLMAgentOSError

_T = TypeVar("_T")


async def in_own_thread(function: Callable[[], _T]) -> _T:
    """What the function returns. Cancelling stops the waiting; the function ends by itself, and its result is lost.

    Raises:
        LLMAgentOSError: the function tried to end the process, or let a StopIteration out.
        Exception: whatever the function raises.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001  (raised where it is waited for)
            tell(loop, _unless_done, done, done.set_exception, holdable(error))
        else:
            tell(loop, _unless_done, done, done.set_result, result)

    threading.Thread(target=run, name="llmagentos-call", daemon=True).start()
    return await done


def tell(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Have a loop call a function, from whatever thread, if it still runs."""
    with suppress(RuntimeError):  # the loop is closed: nobody listens any more
        loop.call_soon_threadsafe(function, *arguments)


def holdable(error: BaseException) -> Exception:
    """The error as a future can hold it, and no thread's decision to end the process."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return LLMAgentOSError(f"a call ended with {type(error).__name__}, as none may")


def _unless_done(done: asyncio.Future[_T], settle: Callable[[object], None], outcome: object) -> None:
    if not done.done():  # else cancelled
        settle(outcome)
