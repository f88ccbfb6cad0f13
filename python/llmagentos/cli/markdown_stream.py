"""Markdown on a terminal while it is being written."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment, Segments

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_SECONDS_BETWEEN_FRAMES = 0.1  # laying text out costs time that the model could use
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class MarkdownStream:
    """Blocks that cannot change any more are printed for good; the one being written is drawn anew below them.

    A context manager: at its end everything is printed for good, also after an interruption.

    Args:
        console: where to; standard output by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stderr=False)
        self._pending = ""
        self._drawn_at = 0.0
        self._has_printed = False

    def write(self, text: str) -> None:
        """More of the text, without control characters."""
        self._pending += text
        now = time.monotonic()
        if now - self._drawn_at < _SECONDS_BETWEEN_FRAMES:
            return
        self._drawn_at = now
        end = finished_length(self._pending)
        if end:
            self._print(self._pending[:end])
            self._pending = self._pending[end:]
        self._live.update(self._tail(), refresh=True)

    def print_note(self, text: str) -> None:
        """A dim line below the text."""
        if text:
            self._console.print(text, style="dim", markup=False, highlight=False)

    def _print(self, text: str) -> None:
        if not text.strip():
            return
        if self._has_printed:
            self._console.print()
        self._console.print(_markdown(text))
        self._has_printed = True

    def _tail(self) -> Segments:
        """The end of what is being written, as many lines as the screen has room for."""
        lines = self._console.render_lines(_markdown(self._pending), pad=False)
        room = max(1, self._console.height - 2)
        gap = [Segment.line()] if self._has_printed else []
        return Segments([*gap, *(segment for line in lines[-room:] for segment in (*line, Segment.line()))])

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.update("", refresh=False)
        self._live.stop()
        self._print(self._pending)
        self._pending = ""


def finished_length(text: str) -> int:
    """How much of a text's beginning is whole blocks, which nothing that follows can change.

    A block ends where a blank line is followed by a line that is not indented (that would go on a list's item), outside
    of fenced code.
    """
    end = position = 0
    fence = ""
    after_blank = False
    for line in text.splitlines(keepends=True):
        if not fence and after_blank and not line[0].isspace():
            end = position
        found = _FENCE.match(line.lstrip() if fence else line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        after_blank = not line.strip()
        position += len(line)
    return end


def _markdown(text: str) -> Markdown:
    # Links are shown with their addresses: a terminal's own links would hide where they lead.
    return Markdown(text, hyperlinks=False)
