"""Which tokens of a vocabulary contain given strings, as bits for the native sampler."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Masks kept, each a bit for every token. Callers choose the strings, so it must not grow without bound.
_MAX_MASKS = 32


class Vocabulary(Protocol):
    """The part of a tokenizer that says what its tokens are."""

    @property
    def n_vocab(self) -> int: ...
    def token_bytes(self, id: int) -> bytes: ...


class SequenceBreakers:
    """Finds the tokens that break a repetition, from the strings that do.

    All tokens' bytes are laid end to end once, so that a string is looked for in the whole vocabulary at a time.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._text: NDArray[np.uint8] | None = None  # made when first needed
        self._starts = np.empty(0, np.int64)
        self._masks: dict[tuple[str, ...], NDArray[np.uint32]] = {}

    def mask(self, strings: tuple[str, ...]) -> NDArray[np.uint32]:
        """The tokens whose bytes contain a string: bit t % 32 of word t // 32, uint32 [ceil(n_vocab / 32)]."""
        mask = self._masks.get(strings)
        if mask is None:
            if len(self._masks) == _MAX_MASKS:
                del self._masks[next(iter(self._masks))]  # the oldest
            mask = self._masks[strings] = self._find(strings)
        return mask

    def _find(self, strings: tuple[str, ...]) -> NDArray[np.uint32]:
        if self._text is None:
            self._text = self._lay_out()
        found = np.zeros(-(-self._vocabulary.n_vocab // 32) * 32, np.bool_)
        for string in strings:
            found[self._containing(self._text, string.encode("utf-8", "surrogatepass"))] = True
        return np.packbits(found, bitorder="little").view("<u4").astype(np.uint32, copy=False)

    def _lay_out(self) -> NDArray[np.uint8]:
        texts = [self._vocabulary.token_bytes(token) for token in range(self._vocabulary.n_vocab)]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        return np.frombuffer(b"".join(texts), np.uint8)

    def _containing(self, text: NDArray[np.uint8], part: bytes) -> NDArray[np.int64]:
        n_places = len(text) - len(part) + 1
        if n_places <= 0:
            return np.empty(0, np.int64)
        places = np.flatnonzero(text[:n_places] == part[0])
        for offset, byte in enumerate(part[1:], 1):
            places = places[text[places + offset] == byte]
        tokens = np.searchsorted(self._starts, places, side="right") - 1
        return np.asarray(tokens[places + len(part) <= self._starts[tokens + 1]])
