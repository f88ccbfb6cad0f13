"""A thread that computes masks while a step runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmagentos.engine.constraints import Constraint, compute_masks

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class MaskWorker:
    """Computes masks beside what the caller does. Its thread begins with the first mask, and ends with this object."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    @contextmanager
    def computing(self, constraints: Sequence[Constraint]) -> Iterator[None]:
        """While the body runs; at its end the masks are there."""
        if not constraints:
            yield
            return
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1, thread_name_prefix="llmagentos-masks")
        masks = self._thread.submit(compute_masks, constraints)
        try:
            yield
        finally:
            masks.result()
