"""The reference logits of a real model, recomputed in pieces from a folder that make_real.py wrote.

The folder holds the model's final normalised hidden states and its float32 output head: their product is the logits,
which would themselves take gigabytes. numpy only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Reference:
    """Float32 logits of transformers on the dequantised weights, for the windows of text.txt."""

    def __init__(self, folder: Path) -> None:
        """folder: hidden.npy [windows, n, width], head.npy [vocab, width], token_ids.npy [windows, n]."""
        self.hidden: NDArray[np.float32] = np.load(folder / "hidden.npy", mmap_mode="r")
        self.head: NDArray[np.float32] = np.load(folder / "head.npy", mmap_mode="r")
        self.token_ids: NDArray[np.int32] = np.load(folder / "token_ids.npy")

    @property
    def n_windows(self) -> int:
        return len(self.token_ids)

    @property
    def vocab_size(self) -> int:
        return len(self.head)

    def logits(self, window: int, first: int, last: int) -> NDArray[np.float32]:
        """Logits [last - first, vocab] of rows first..last-1 of one window."""
        return self.hidden[window, first:last] @ self.head.T

    def next_ids(self, window: int, first: int, last: int) -> NDArray[np.int64]:
        """The token that follows each of those rows; -1 after the window's last."""
        following = np.append(self.token_ids[window, 1:], -1)
        return following[first:last].astype(np.int64)
