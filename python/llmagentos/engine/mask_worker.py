"""Masks of a step's requests, computed while the step runs where a CPU is free for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmagentos._core.runtime import ThreadPool, usable_cpus
from llmagentos.engine.constraints import Constraint, compute_masks

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class MaskWorker:
    """Computes masks in a thread beside what the caller does, or before it.

    Where the backend's threads have all CPUs, one more would take one of them away in the middle of a step, and all
    others would wait for it: twice as long as the masks take by themselves.

    Args:
        pool: the backend's threads, or None where it has none.
    """

    def __init__(self, pool: ThreadPool | None) -> None:
        self._has_spare_cpu = pool is None or pool.size < usable_cpus()
        self._thread: ThreadPoolExecutor | None = None

    @contextmanager
    def computing(self, constraints: Sequence[Constraint]) -> Iterator[None]:
        """While the body runs; at its end the masks are there."""
        if not constraints or not self._has_spare_cpu:
            compute_masks(constraints)
            yield
            return
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            # It ends with this object.
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="llmagentos-masks")
        masks = self._thread.submit(compute_masks, constraints)
        try:
            yield
        finally:
            masks.result()
