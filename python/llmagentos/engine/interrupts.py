"""Signals between steps instead of within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

# Those that programs handle: asking after all of the system's would cost a step of a small model a twentieth.
_NAMES = ("INT", "TERM", "HUP", "QUIT", "ALRM", "VTALRM", "PROF", "USR1", "USR2", "CHLD", "WINCH", "BREAK")
_HELD = tuple(int(getattr(signal, f"SIG{name}")) for name in _NAMES if hasattr(signal, f"SIG{name}"))
_Handler = Callable[[int, "FrameType | None"], Any]


@contextmanager
def held_signals() -> Iterator[None]:
    """Hold signals that a Python handler waits for until the block ends, then hand them to that handler.

    A handler that raises (Ctrl-C's KeyboardInterrupt, a time-out by SIGALRM, a SystemExit by SIGTERM) would leave
    requests and blocks half updated in the middle of a step. Only the main thread ever runs handlers, so elsewhere
    this does nothing; nor does it touch a handler that was not set from Python.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[int, _Handler] = {}
    seen: list[tuple[int, FrameType | None]] = []
    try:
        for number in _HELD:
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, frame: seen.append((number, frame)))
        yield
    finally:
        _restore(handlers)
        with ExitStack() as deliveries:  # runs all of them, even where one raises
            for number, frame in reversed(seen):
                deliveries.callback(handlers[number], number, frame)


def _restore(handlers: dict[int, _Handler]) -> None:
    """Put them all back, even where one that is back already is called meanwhile and raises."""
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    except BaseException:
        _restore(handlers)
        raise
