"""What is going on, on standard error: one line that changes on a terminal, a line for each run elsewhere."""

from __future__ import annotations

import sys


class Progress:
    """Tells of runs as they start and end."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()

    def started(self, what: str) -> None:
        if self._is_terminal:
            self._write(f"\r\x1b[K{what} ...")

    def ended(self, what: str) -> None:
        self._write(f"\r\x1b[K{what}" if self._is_terminal else f"{what}\n")

    def close(self) -> None:
        """Clears the line."""
        if self._is_terminal:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
