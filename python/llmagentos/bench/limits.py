"""What this machine is able to do at most: the rates that a speed is a share of."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from llmagentos._core import kernels
from llmagentos._core.runtime import ThreadPool

READ_BYTES = 256 << 20  # well beyond the caches that one virtual machine gets


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates of all threads together.

    Attributes:
        read: bytes per second from memory.
        dot: operations per second of products of 4-bit weights with 8-bit activations; a multiply-add counts 2.
        fma: float32 operations per second; a multiply-add counts 2.
    """

    read: float
    dot: float
    fma: float

    def best(self, other: Limits) -> Limits:
        """The higher of each rate: what disturbs a measurement only ever lowers it."""
        return Limits(max(self.read, other.read), max(self.dot, other.dot), max(self.fma, other.fma))


def measure(pool: ThreadPool, seconds: float, repeats: int) -> tuple[Limits, Limits]:
    """Medians and best of `repeats` measurements of each limit, `seconds` long, after one that is not counted."""
    fma = _rates(lambda: kernels.measure_fma(pool, seconds), repeats)
    dot = _rates(lambda: kernels.measure_dot(pool, seconds), repeats)
    read = _rates(lambda: kernels.measure_read(pool, seconds, READ_BYTES), repeats)
    medians = Limits(statistics.median(read), statistics.median(dot), statistics.median(fma))
    return medians, Limits(max(read), max(dot), max(fma))


def _rates(probe: Callable[[], float], repeats: int) -> list[float]:
    probe()
    return [probe() for _ in range(repeats)]
