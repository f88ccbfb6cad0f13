"""One thread for all that a conversation does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

_T = TypeVar("_T")


class OutOfTime(Exception):
    """What was waited for took longer than it may."""


class Worker:
    """Does one thing after another in a thread, for what is bound to the thread that made it, as SQLite's connections.

    The thread holds up no exit: what never ends is left to itself.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="llmagentos-conversation", daemon=True).start()

    def do(self, work: Callable[[], _T], timeout: float | None) -> _T:
        """What the work gives or raises.

        Args:
            timeout: seconds; None waits as long as it takes.

        Raises:
            OutOfTime: it takes longer, and goes on.
        """
        future: Future[_T] = Future()
        self._work.put((work, future))
        wait({future}, timeout)
        if not future.done():
            raise OutOfTime
        return future.result()

    def close(self) -> None:
        """Ends the thread once it is free."""
        self._work.put(None)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            work, future = item
            try:
                value = work()
            except BaseException as error:  # noqa: BLE001  (the caller's to handle)
                future.set_exception(error)
            else:
                future.set_result(value)
