"""Texts cut into chunks that are small enough to embed, to search and to put into a prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmagentos.errors import InvalidRequestError

# Where a text may be cut, the best places first: paragraphs, sentences (which lines may break), lines, clauses, words.
_BREAKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n[ \t]*\n\s*",
        r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)\]])\s+|(?<=[。！？])",
        r"\n\s*",
        r"(?<=[,;:])\s+|(?<=[，；：、])",
        r"\s+",
    )
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a text: `text[start:end]`."""

    text: str
    start: int
    end: int


def chunk_text(text: str, size: int = 1000, overlap: int = 0) -> list[Chunk]:
    """Cuts a text at paragraphs, else at sentences, lines, clauses or words, whichever is the first that is enough.

    Chunks are in order and leave out nothing but white space between them.

    Args:
        size: characters of a chunk at most.
        overlap: characters at most that a chunk repeats of the end of the one before it, from a word's beginning on.

    Raises:
        InvalidRequestError: the size is not positive, or the overlap not smaller than half of it.
    """
    if size < 1 or not 0 <= overlap <= size // 2:
        raise InvalidRequestError(f"size={size} must be positive, and overlap={overlap} from 0 to half of it")
    spans = _spans(text, 0, len(text), size - overlap, 0)
    firsts = [
        start if i == 0 else _overlapping(text, start, spans[i - 1][0], overlap) for i, (start, _) in enumerate(spans)
    ]
    return [Chunk(text[first:end], first, end) for first, (_, end) in zip(firsts, spans, strict=True)]


def _spans(text: str, start: int, end: int, size: int, level: int) -> list[tuple[int, int]]:
    """Spans of at most `size` characters, without white space at their ends; neighbours that fit together are one."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end - start <= size:
        return [(start, end)] if end > start else []
    if level == len(_BREAKS):
        return [(i, min(i + size, end)) for i in range(start, end, size)]
    cuts = [start, *(cut for match in _BREAKS[level].finditer(text, start, end) for cut in match.span()), end]
    spans: list[tuple[int, int]] = []
    may_grow = False
    for i in range(0, len(cuts), 2):
        inner = _spans(text, cuts[i], cuts[i + 1], size, level + 1)
        is_whole = len(inner) == 1  # parts of what had to be cut are joined among themselves only
        if is_whole and may_grow and inner[0][1] - spans[-1][0] <= size:
            spans[-1] = spans[-1][0], inner[0][1]
        else:
            spans += inner
        may_grow = is_whole or (may_grow and not inner)
    return spans


def _overlapping(text: str, start: int, least: int, overlap: int) -> int:
    """Where a chunk begins that repeats at most `overlap` characters before `start`."""
    first = max(start - overlap, least)
    if first > 0 and not text[first - 1].isspace():
        while first < start and not text[first].isspace():
            first += 1
    while first < start and text[first].isspace():
        first += 1
    return first
