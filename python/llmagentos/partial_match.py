"""Text that arrives in pieces, and words that must be seen whole."""

from __future__ import annotations


def partial_match(text: str, word: str) -> int:
    """Length of the longest end of `text` that is a beginning of `word`, and not all of it."""
    for length in range(min(len(word) - 1, len(text)), 0, -1):
        if text.endswith(word[:length]):
            return length
    return 0
