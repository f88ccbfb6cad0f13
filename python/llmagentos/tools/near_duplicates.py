"""Texts that are nearly the same, found without comparing each with each (MinHash with bands; Broder, 1997)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.words import words

LEAST_SIMILARITY = 0.7  # below it, pairs would be missed too often
_SHINGLE = 3  # words
_BANDS, _ROWS = 32, 4  # a pair of similarity 0.7 is missed 2 times in 10,000, one of 0.8 never in practice


def near_duplicates(texts: Sequence[str], similarity: float = 0.8) -> list[int | None]:
    """For each text the number of an earlier one that it nearly repeats, or None where there is none.

    Later texts are compared with those that repeat none. Similarity is Jaccard's: the share of the runs of three words
    in two texts that both have. Candidates are found by hashes; what is said of them is exact.

    Raises:
        InvalidRequestError: the similarity is not from LEAST_SIMILARITY to 1.
    """
    if not LEAST_SIMILARITY <= similarity <= 1:
        raise InvalidRequestError(f"similarity={similarity} is not valid: it must be {LEAST_SIMILARITY} to 1")
    random = np.random.Generator(np.random.PCG64(0))
    factors = random.integers(0, 1 << 63, (_BANDS * _ROWS, 1), np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = random.integers(0, 1 << 63, (_BANDS * _ROWS, 1), np.uint64)
    buckets: dict[bytes, list[int]] = defaultdict(list)
    kept: dict[int, frozenset[int]] = {}
    found: list[int | None] = []
    for number, text in enumerate(texts):
        shingles = _shingles(text)
        bands = _band_keys(shingles, factors, offsets)
        candidates = dict.fromkeys(other for band in bands for other in buckets[band])
        same = next((other for other in candidates if _jaccard(shingles, kept[other]) >= similarity), None)
        found.append(same)
        if same is None:
            kept[number] = shingles
            for band in bands:
                buckets[band].append(number)
    return found


def _shingles(text: str) -> frozenset[int]:
    found = words(text)
    runs = [" ".join(found[i : i + _SHINGLE]) for i in range(max(1, len(found) - _SHINGLE + 1))]
    return frozenset(int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest(), "little") for run in runs)


def _band_keys(shingles: frozenset[int], factors: NDArray[np.uint64], offsets: NDArray[np.uint64]) -> list[bytes]:
    values = np.fromiter(shingles, np.uint64, len(shingles))
    least = np.full(len(factors), np.iinfo(np.uint64).max, np.uint64)
    for start in range(0, len(values), 4096):  # bounds the memory that a long text takes
        hashed = factors * values[start : start + 4096] + offsets  # modulo 2**64
        least = np.minimum(least, hashed.min(axis=1))
    rows = least.reshape(_BANDS, _ROWS)
    return [bytes([band]) + row.tobytes() for band, row in enumerate(rows)]


def _jaccard(left: frozenset[int], right: frozenset[int]) -> float:
    return len(left & right) / len(left | right)
