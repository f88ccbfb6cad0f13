"""The machine, and the state it is in.

A virtual machine's two cores are at times two physical cores and at times the two threads of one, and neighbours come
and go. So every run is bracketed by a 20 ms multiply-add probe on all threads, and filed as good when both probes
reached nearly the best rate of the session.
"""

from __future__ import annotations

import platform
from typing import Any

from llmagentos._core import kernels, runtime

GOOD = 0.85  # of the best probe of the session; sharing one physical core halves the rate
PROBE_SECONDS = 0.02
_WARM_UP_SECONDS = 0.2  # brings the clock up


class Host:
    """The machine's state, seen through a short probe on all threads.

    Attributes:
        pool: the threads that probe.
        best: highest rate so far, in FLOP/s.
    """

    def __init__(self, threads: int) -> None:
        self.pool = runtime.ThreadPool(threads)
        kernels.measure_fma(self.pool, _WARM_UP_SECONDS)
        self.best = 0.0

    def probe(self) -> float:
        """Multiply-add rate now, in FLOP/s."""
        # The best of three: the pool's threads may wake up on one CPU and take some milliseconds to spread.
        rate = max(kernels.measure_fma(self.pool, PROBE_SECONDS) for _ in range(3))
        self.best = max(self.best, rate)
        return rate

    def is_good(self, probes: tuple[float, float]) -> bool:
        """Whether the probes before and after a run came near the best of the whole session."""
        return min(probes) >= GOOD * self.best


def machine() -> dict[str, Any]:
    """What a result must be read with."""
    return {**runtime.machine(), "system": platform.platform(), "python": platform.python_version()}
