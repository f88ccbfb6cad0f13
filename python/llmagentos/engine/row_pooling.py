"""One vector of all rows of a text, in ways that no graph has; in float64, so that long texts lose nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

# By the names of sentence-transformers; rows [n, width] -> [width].
POOLS: Mapping[str, Callable[[Rows], NDArray[np.floating]]] = {
    "cls": lambda rows: rows[0],
    "max": lambda rows: rows.max(0),
    "mean": lambda rows: rows.mean(0, dtype=np.float64),
    "mean_sqrt_len_tokens": lambda rows: rows.sum(0, dtype=np.float64) / np.sqrt(len(rows)),
    "weightedmean": lambda rows: np.average(rows, axis=0, weights=np.arange(1.0, len(rows) + 1)),
    "lasttoken": lambda rows: rows[-1],
}


def pooled(rows: Rows, lengths: Sequence[int], modes: Sequence[str]) -> Rows:
    """What the modes make of each text, side by side: float32 [n_texts, n_modes * width].

    Args:
        rows: of all texts, one after the other.
    """
    texts = np.split(rows, np.cumsum(lengths)[:-1])
    return np.stack([np.concatenate([POOLS[mode](text) for mode in modes]) for text in texts]).astype(np.float32)
