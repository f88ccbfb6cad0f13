"""Masks of a step's requests, computed while the step runs where a CPU is free for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmagentos._core.runtime import ThreadPool, machine
from llmagentos.engine.constraints import Constraint, compute_masks

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_WORTH_SHARING = 0.5e-3  # seconds of one thread; waking another one takes a tenth of it


class MaskWorker:
    """Computes masks in a thread beside what the caller does, or before it.

    Where the backend's threads have all CPUs, one more would take one of them away in the middle of a step, and all
    others would wait for it: twice as long as the masks take by themselves. Masks are computed before the step then,
    and masks that take long by the caller and the thread together.

    Args:
        pool: the backend's threads, or None where it has none.
    """

    def __init__(self, pool: ThreadPool | None) -> None:
        self._has_spare_cpu = pool is None or pool.size < machine()["usable_cpus"]
        self._has_second_cpu = pool is not None and pool.size > 1
        self._seconds_per_mask = 0.0  # of the masks that were computed last
        self._thread: ThreadPoolExecutor | None = None

    @contextmanager
    def computing(self, constraints: Sequence[Constraint]) -> Iterator[None]:
        """While the body runs; at its end the masks are there."""
        if not constraints or not self._has_spare_cpu:
            self._compute(constraints)
            yield
            return
        masks = self._beside(constraints)
        try:
            yield
        finally:
            masks.result()

    def _compute(self, constraints: Sequence[Constraint]) -> None:
        seconds = self._seconds_per_mask * len(constraints)
        n_beside = len(constraints) // 2 if self._has_second_cpu and seconds > _WORTH_SHARING else 0
        masks = self._beside(constraints[:n_beside]) if n_beside else None
        began = time.perf_counter()
        try:
            compute_masks(constraints[n_beside:])
        finally:
            if masks is not None:
                masks.result()
        if constraints:
            self._seconds_per_mask = (time.perf_counter() - began) / (len(constraints) - n_beside)

    def _beside(self, constraints: Sequence[Constraint]) -> Future[None]:
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            # It ends with this object.
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="llmagentos-masks")
        return self._thread.submit(compute_masks, constraints)
