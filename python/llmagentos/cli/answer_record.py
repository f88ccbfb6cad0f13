"""What is to be remembered of an answer while it is shown: its text, its tokens, its speed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmagentos.completion import Chunk


class AnswerRecord:
    """An answer's chunks, to be iterated over once.

    Attributes:
        text: what was said so far.
        last: the newest chunk.
    """

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = chunks
        self._times: tuple[float, float] | None = None  # of the first token and the newest, in seconds
        self.text = ""
        self.last: Chunk | None = None

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._chunks:
            now = time.monotonic()
            self._times = (now if self._times is None else self._times[0], now)
            self.text += chunk.text
            self.last = chunk
            yield chunk

    def summary(self) -> str:
        """Tokens and speed of an answer that is complete, else "". Speed counts from the first token on."""
        usage = None if self.last is None else self.last.usage
        if usage is None or self._times is None:
            return ""
        n, seconds = usage.completion_tokens, self._times[1] - self._times[0]
        tokens = "1 token" if n == 1 else f"{n} tokens"
        return f"{tokens}, {(n - 1) / seconds:.1f} tokens/s" if n > 1 and seconds > 0 else tokens
