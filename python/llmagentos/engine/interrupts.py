"""Signals between steps instead of within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from llmagentos._core.runtime import handled_signals

# Those that programs handle.
_NAMES = ("INT", "TERM", "HUP", "QUIT", "ALRM", "VTALRM", "PROF", "USR1", "USR2", "CHLD", "WINCH", "BREAK")
_HELD = tuple(int(getattr(signal, f"SIG{name}")) for name in _NAMES if hasattr(signal, f"SIG{name}"))
_Handler = Callable[[int, "FrameType | None"], Any]


@contextmanager
def held_signals() -> Iterator[None]:
    """Hold signals that a Python handler waits for until the block ends, then hand them to that handler.

    A handler that raises (Ctrl-C's KeyboardInterrupt, a time-out by SIGALRM, a SystemExit by SIGTERM) would leave
    requests and blocks half updated in the middle of a step. Only the main thread ever runs handlers, so elsewhere
    this does nothing; nor does it touch a handler that was not set from Python. Whether a signal interrupts system
    calls (`signal.siginterrupt`) stays as it is.

    Signals outside a list of common ones are not held: a handler of SIGPIPE, SIGIO, SIGCONT or a real-time signal, say,
    must not raise while the engine runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[int, tuple[_Handler, bool]] = {}
    seen: list[tuple[int, FrameType | None]] = []
    try:
        for number, restarts in handled_signals(_HELD):
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler, restarts
                _set(number, lambda number, frame: seen.append((number, frame)), restarts)
        yield
    finally:
        _restore(handlers)
        with ExitStack() as deliveries:  # runs all of them, even where one raises
            for number, frame in reversed(seen):
                deliveries.callback(handlers[number][0], number, frame)


def _set(number: int, handler: _Handler, restarts: bool) -> None:
    signal.signal(number, handler)
    if restarts:  # signal() has system calls interrupted, whatever held before
        signal.siginterrupt(number, False)


def _restore(handlers: dict[int, tuple[_Handler, bool]]) -> None:
    """Put them all back, even where one that is back already is called meanwhile and raises."""
    try:
        for number, (handler, restarts) in handlers.items():
            _set(number, handler, restarts)
    except BaseException:
        _restore(handlers)
        raise
