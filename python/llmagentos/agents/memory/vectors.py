"""Texts that are found by their meaning: embeddings in memory, compared with all of them, exactly."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ContextLengthError, InvalidRequestError


class Embedder(Protocol):
    """Makes vectors of texts: an `LLM` that embeds."""

    def embed(self, texts: Any, /, *, truncate: bool = ...) -> NDArray[np.float32]:
        """float32 [n, dim] of length one, for n texts; `truncate` leaves out the ends of those that are too long."""


@dataclass(frozen=True, slots=True)
class FoundText:
    """Attributes:
    score: cosine of the angle between the text's vector and the query's, 1 for the same direction.
    """

    key: str
    text: str
    score: float


class TextStore(Protocol):
    """Where texts are kept and found by meaning."""

    def __contains__(self, key: object, /) -> bool: ...
    def add(self, items: Sequence[tuple[str, str]]) -> None:
        """Keeps (key, text) pairs; a key that is there already gets the new text."""

    def search(self, query: str, k: int = 3) -> list[FoundText]:
        """The k texts closest to the query, the closest first."""


class VectorStore:
    """Keeps texts in memory. A search reads all vectors: 10,000 of 384 numbers take a few milliseconds.

    A text that is longer than the embedder takes is kept whole, and found by its beginning.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._texts: dict[str, str] = {}
        self._rows: dict[str, NDArray[np.float32]] = {}
        self._found_in: tuple[list[str], NDArray[np.float32]] | None = None  # keys and rows as searches read them

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def add(self, items: Sequence[tuple[str, str]]) -> None:
        if not items:
            return
        vectors = vectors_of(self._embedder, [text for _, text in items])
        with self._lock:
            self._texts.update(items)
            self._rows.update(zip((key for key, _ in items), vectors, strict=True))
            self._found_in = None

    def search(self, query: str, k: int = 3) -> list[FoundText]:
        check_count(k)
        with self._lock:
            if self._found_in is None:
                self._found_in = list(self._rows), np.array(list(self._rows.values()), np.float32)
            keys, matrix = self._found_in
        if not keys:
            return []
        scores = matrix @ vectors_of(self._embedder, [query])[0]
        best = np.argsort(-scores, kind="stable")[:k]
        return [FoundText(keys[index], self._texts[keys[index]], float(scores[index])) for index in best]


def vectors_of(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of texts; of one that is longer than the embedder takes, that of its beginning."""
    try:
        return embedder.embed(texts)
    except ContextLengthError:
        return embedder.embed(texts, truncate=True)


def check_count(k: int) -> None:
    if type(k) is not int or k < 1:
        raise InvalidRequestError(f"k={k!r} is not valid: it must be an integer of at least 1")
