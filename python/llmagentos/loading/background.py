"""One computation beside the caller's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Background(Generic[_T]):
    """Calls a function in a thread of its own, at once.

    Args:
        function: without arguments. It should spend its time without the interpreter's lock.
    """

    def __init__(self, function: Callable[[], _T]) -> None:
        self._function = function
        self._results: list[_T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="llmagentos-background")
        self._thread.start()

    def result(self) -> _T:
        """What it returned; waits for that, and raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results.pop()

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001  (the caller's to handle)
            self._error = error
