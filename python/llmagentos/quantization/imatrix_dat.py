"""Importance matrices in the form that llama.cpp had before GGUF (`imatrix.dat`): counts, names and sums in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ModelFormatError
from llmagentos.formats.files import read_file

_MAX_ENTRIES, _MAX_NAME = 1 << 20, 1 << 10
Entry = tuple[str, NDArray[np.float32], int]


def read_dat(path: Path) -> tuple[list[Entry], str, int]:
    """(name, sums of squares, count) of each weight, then the text's name and how many windows of it were seen.

    A stack of experts has the sums of one after the other. The sums are those of a mean input times the count.

    Raises:
        ModelFormatError: the file is no such matrix; has the byte offset.
    """
    reader = _Reader(path)
    n_entries = reader.integer(1, _MAX_ENTRIES)
    entries = []
    for _ in range(n_entries):
        name, count = reader.text(reader.integer(1, _MAX_NAME)), reader.integer(0)
        entries.append((name, reader.floats(reader.integer(1)), count))
    n_windows, dataset = 0, ""
    if not reader.is_at_end():  # the first versions end here
        n_windows, dataset = reader.integer(0), reader.text(reader.integer(0))
    if not reader.is_at_end():
        raise reader.broken("there are bytes behind the end")
    return entries, dataset, n_windows


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path, self._data, self._at = path, read_file(path), 0

    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def integer(self, low: int, high: int = 2**31 - 1) -> int:
        value = int.from_bytes(self._take(4), "little", signed=True)
        if not low <= value <= high:
            self._at -= 4
            raise self.broken(f"{value} is not in {low}..{high}")
        return value

    def text(self, n_bytes: int) -> str:
        return self._take(n_bytes).decode("utf-8", "replace")

    def floats(self, n: int) -> NDArray[np.float32]:
        return np.frombuffer(self._take(4 * n), "<f4").astype(np.float32)

    def broken(self, reason: str) -> ModelFormatError:
        return ModelFormatError(
            f"{self._path} is no importance matrix: {reason} at byte {self._at}", str(self._path), self._at
        )

    def _take(self, n_bytes: int) -> bytes:
        taken = self._data[self._at : self._at + n_bytes]
        if len(taken) < n_bytes:
            raise self.broken(f"the file ends where {n_bytes} bytes should be")
        self._at += n_bytes
        return taken
