"""What is still open when Python ends is closed first, so that no thread is in the middle of a native call then.

A thread that comes back from native code while the interpreter is taken down is ended on the spot. Up to Python 3.13
that unwinds the stack, and a C++ or Rust frame on it aborts the process. It concerns daemon threads alone: all others
have ended before anything here is called.
"""

from __future__ import annotations

import atexit
import os
from itertools import count
from typing import Protocol
from weakref import WeakValueDictionary


class Closable(Protocol):
    """Has native calls under way while other threads go on."""

    def close(self) -> None:
        """Wait for the native call under way, and refuse all later ones."""


_open: WeakValueDictionary[int, Closable] = WeakValueDictionary()
_numbers = count()


def close_at_exit(one: Closable) -> None:
    """Close this when Python ends, if it is still there; the newest first, since it may use older ones."""
    _open[next(_numbers)] = one


@atexit.register
def _close_all() -> None:
    for reference in reversed(_open.valuerefs()):
        one = reference()
        if one is not None:
            one.close()


if hasattr(os, "register_at_fork"):
    # A child process has none of the threads, and perhaps a lock that one of them held.
    os.register_at_fork(after_in_child=_open.clear)
