"""One CPU for each thread, on both sides of a comparison."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_WORKER = "llmagentos"


def cpus_for(threads: int) -> list[int] | None:
    """CPUs for that many threads, on as many cores as there are; None where this process may not use enough."""
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        return None
    return sorted(sorted(allowed, key=lambda cpu: (_rank_in_core(cpu, allowed), cpu))[:threads])


def pool_workers() -> list[int]:
    """Ids of this process's threads that belong to a pool of the core, which names them."""
    tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    return sorted(int(task.name) for task in tasks if _name_of(task) == _WORKER)


def pin_threads(cpus: Sequence[int]) -> None:
    """Gives the caller the first CPU and each worker of the pool one of the others. Threads of libraries stay free."""
    for thread, cpu in zip([os.getpid(), *pool_workers()], cpus, strict=True):
        os.sched_setaffinity(thread, {cpu})


def openmp_pinning(cpus: Sequence[int] | None) -> dict[str, str]:
    """The environment that makes OpenMP, llama.cpp's threads, do the same."""
    if cpus is None:
        return {}
    return {"OMP_PROC_BIND": "true", "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in cpus)}


def _name_of(task: Path) -> str:
    try:
        return (task / "comm").read_text().strip()
    except OSError:  # it has just ended
        return ""


def _rank_in_core(cpu: int, allowed: Sequence[int]) -> int:
    """How many usable CPUs before this one are threads of the same core."""
    try:
        siblings = _parse_list(Path(_TOPOLOGY.format(cpu)).read_text(encoding="ascii"))
    except OSError:
        return 0
    return sum(other < cpu for other in siblings if other in allowed)


def _parse_list(text: str) -> list[int]:
    """The kernel's lists: "0,4" or "0-1"."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus
