"""One process at a time fetches a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmagentos.market.progress import ProgressCallback


@contextmanager
def pull_lock(path: Path, name: str, total_bytes: int, report: ProgressCallback) -> Iterator[None]:
    """Held by one process at a time. The system frees it when its holder dies, so a stale one cannot block."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(0, total_bytes, f"{name}: waiting for another process that is pulling it")
        lock.acquire(poll_interval=0.2)
    try:
        yield
    finally:
        lock.release()
