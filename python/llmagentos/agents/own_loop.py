"""Event loops for callers that wait, whose end takes bounded time, whatever tools have begun in them."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from llmagentos.agents.nesting import n_around

if TYPE_CHECKING:
    from typing_extensions import Self

CANCEL_SECONDS = 1.0  # for what is cancelled to clean up
_FURTHER_IN = 1.5

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")
_left_behind: WeakSet[asyncio.Task[Any]] = WeakSet()


async def going_on(tasks: Collection[asyncio.Task[Any]], is_in_run: bool = False) -> set[asyncio.Task[Any]]:
    """Cancels tasks, and gives those that have not ended after CANCEL_SECONDS, which are left behind.

    What an outer run waits for may be an inner one that waits: the further in, the less time there is.

    Args:
        is_in_run: whether the tasks are a run's own, not the run itself.
    """
    if not tasks:
        return set()
    for task in tasks:
        task.cancel()
    _, left = await asyncio.wait(tasks, timeout=CANCEL_SECONDS / _FURTHER_IN ** (2 * n_around() - is_in_run))
    _left_behind.update(left)
    return left


class OwnLoop:
    """An event loop of this thread's own, from `with` to the end of its block.

    What still goes on at the end is cancelled. A task that does not stop then is left behind, with a warning; so are
    threads of the loop's executor.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loop = self._loop
        try:
            rest = [task for task in asyncio.all_tasks(loop) if task not in _left_behind]
            left = loop.run_until_complete(going_on(rest))
            if left:
                _LOGGER.warning("left behind at the end of a run, as they do not stop: %s", ", ".join(map(_name, left)))
            closing = loop.create_task(loop.shutdown_asyncgens())
            loop.run_until_complete(asyncio.wait([closing], timeout=CANCEL_SECONDS))
            if asyncio.all_tasks(loop):  # the loop would tell of each of them once more
                loop.set_exception_handler(lambda *_: None)
        finally:
            self._loop.close()

    def run(self, work: Awaitable[_T]) -> _T:
        """What the work gives.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the work has been cancelled; at a second Ctrl-C at once.
            BaseException: whatever the work raises.
        """
        task = asyncio.ensure_future(work, loop=self._loop)
        n_interrupts = 0

        def interrupt(*_: object) -> None:
            nonlocal n_interrupts
            n_interrupts += 1
            if n_interrupts > 1:
                raise KeyboardInterrupt
            task.cancel()
            self._loop.call_soon_threadsafe(lambda: None)  # wakes a loop that waits

        with _on_interrupt(interrupt):
            try:
                result = self._loop.run_until_complete(task)
            except BaseException as error:
                if n_interrupts and not isinstance(error, KeyboardInterrupt):
                    raise KeyboardInterrupt from (None if isinstance(error, asyncio.CancelledError) else error)
                raise
        if n_interrupts:  # just when it was done
            raise KeyboardInterrupt
        return result


def _name(task: asyncio.Task[Any]) -> str:
    return str(getattr(task.get_coro(), "__qualname__", task.get_name()))


@contextmanager
def _on_interrupt(act: Callable[..., None]) -> Iterator[None]:
    """Has Ctrl-C do something else than raise, where the program has not decided what it does."""
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not is_ours:
        yield
        return
    signal.signal(signal.SIGINT, act)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is act:
            signal.signal(signal.SIGINT, signal.default_int_handler)
