"""How a pull tells what it is doing: a callback, and the one that is used when none is given."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

ProgressCallback = Callable[[int, int, str], None]
"""Called with (done_bytes, total_bytes, what): total_bytes is of the whole pull, `what` one line of text."""


def format_bytes(n: int) -> str:
    """Decimal units as disks and downloads are counted: 98362432 -> "98.4 MB"."""
    if n < 1000:
        return f"{n} B"
    value = float(n)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


class _Lines:
    """A line whenever something else begins, then one per tenth but at most one a second: for a pipe or a log."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream, self.what, self.tenth, self.seconds = stream, "", 0, 0.0

    def __call__(self, done_bytes: int, total_bytes: int, what: str) -> None:
        tenth, now = 10 * done_bytes // total_bytes, time.monotonic()
        if what == self.what and (tenth == self.tenth or now - self.seconds < 1):
            return
        how_far = f": {10 * tenth} % of {format_bytes(total_bytes)}" if tenth else f" ({format_bytes(total_bytes)})"
        self.what, self.tenth, self.seconds = what, tenth, now
        if self.stream is not None:
            with suppress(OSError):  # nobody listens any more: no reason to stop
                print(what + how_far, file=self.stream, flush=True)

    def close(self) -> None:
        """Nothing is open."""


class _Bar:
    """A progress bar on a terminal, drawn from the first call on."""

    def __init__(self) -> None:
        self.bar: Progress | None = None

    def __call__(self, done_bytes: int, total_bytes: int, what: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        if self.bar is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(what, total=total_bytes)
            self.bar.start()
        self.bar.update(self.task, completed=done_bytes, total=total_bytes, description=what)

    def close(self) -> None:
        """Leaves the bar as it stands and gives the cursor back."""
        if self.bar is not None:
            self.bar.stop()


@contextmanager
def shown(progress: ProgressCallback | None) -> Iterator[ProgressCallback]:
    """`progress` itself, or for None a bar on standard error (percent lines where that is no terminal)."""
    if progress is not None:
        yield progress
        return
    display = _Bar() if sys.stderr is not None and sys.stderr.isatty() else _Lines(sys.stderr)
    try:
        yield display
    finally:
        display.close()
