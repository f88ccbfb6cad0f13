"""Safetensors files: a JSON header that names the tensors, then their bytes, which stay mapped."""

from __future__ import annotations

import json
import math
import mmap
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.files import open_file
from llmagentos.formats.tensors import TensorSpec

# The file's type names: the weight format where it is one, and the element type.
_TYPES: dict[str, tuple[str | None, str]] = {
    "F32": ("F32", "<f4"),
    "F16": ("F16", "<f2"),
    "BF16": ("BF16", "<u2"),
    "F64": (None, "<f8"),
    "F8_E4M3": (None, "u1"),
    "I8": (None, "i1"),
    "U8": (None, "u1"),
    "I16": (None, "<i2"),
    "I32": (None, "<i4"),
    "I64": (None, "<i8"),
    "BOOL": (None, "?"),
}
_MAX_HEADER = 100_000_000  # the format's own bound


class SafetensorsFile:
    """One file, mapped and checked: every tensor lies inside it, has the size of its shape and shares no bytes.

    Attributes:
        path: of the file.
        metadata: the header's texts.

    Raises:
        ModelNotFoundError: no file there.
        ModelFormatError: it breaks the format's rules; has the byte offset.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open_file(path) as file:
                size = os.fstat(file.fileno()).st_size
                if size < 8:
                    raise self._broken(f"{size} bytes are too few for a header", 0)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._data = np.frombuffer(self._map, np.uint8)
        except OSError as error:
            raise ModelNotFoundError(f"cannot open {path}: {error.strerror or error}") from error
        header_size = int.from_bytes(self._data[:8].tobytes(), "little")
        if header_size > min(_MAX_HEADER, size - 8):
            raise self._broken(f"a header of {header_size} bytes does not fit", 0)
        self._begin = 8 + header_size
        self.metadata: dict[str, str] = {}
        self._tensors: dict[str, tuple[str, tuple[int, ...], int, int]] = {}
        try:
            header = json.loads(self._data[8 : self._begin].tobytes())
        except (ValueError, RecursionError) as error:
            raise self._broken(f"the header is no JSON: {error}", 8) from error
        if not isinstance(header, dict):
            raise self._broken("the header is no JSON object", 8)
        for name, entry in header.items():
            if name == "__metadata__":
                self.metadata = (
                    {str(key): str(value) for key, value in entry.items()} if isinstance(entry, dict) else {}
                )
            else:
                self._tensors[name] = self._checked(name, entry)
        self._check_overlaps()

    def names(self) -> list[str]:
        return list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._tensors[name][1]

    def spec(self, name: str) -> TensorSpec:
        """The tensor as a weight.

        Raises:
            UnsupportedModelError: its type is none of F32, F16 and BF16.
        """
        kind, shape = self._tensors[name][:2]
        weight_format = _TYPES[kind][0]
        if weight_format is None:
            raise UnsupportedModelError(f"{self.path}: tensor {name} is of type {kind}, which no weight can have")
        return TensorSpec(weight_format, shape)

    def array(self, name: str) -> NDArray[Any]:
        """The tensor in its shape; BF16 as uint16. A view of the mapped file wherever its bytes are aligned."""
        kind, shape, begin, end = self._tensors[name]
        raw, element = self._data[self._begin + begin : self._begin + end], np.dtype(_TYPES[kind][1])
        if (self._begin + begin) % element.itemsize:
            raw = raw.copy()
        array = raw.view(element).reshape(shape)
        return array if sys.byteorder == "little" else array.astype(element.newbyteorder("="))

    def drop(self, name: str) -> None:
        """Give the tensor's mapped pages back; they are read again if they are used again."""
        begin, end = (self._begin + offset for offset in self._tensors[name][2:])
        first, last = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        if first < last:
            self._map.madvise(mmap.MADV_DONTNEED, first, last - first)

    def _checked(self, name: str, entry: object) -> tuple[str, tuple[int, ...], int, int]:
        if not isinstance(entry, dict):
            raise self._broken(f"tensor {name} is not described by an object", 8)
        kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if kind not in _TYPES:
            raise UnsupportedModelError(
                f"{self.path}: tensor {name} is of type {kind!r}, which this build does not read"
            )
        if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
            raise self._broken(f"tensor {name} has shape {shape} and data_offsets {offsets}", 8)
        begin, end = offsets
        n_bytes = math.prod(shape) * np.dtype(_TYPES[kind][1]).itemsize
        if end - begin != n_bytes or self._begin + end > self._data.size:
            raise self._broken(
                f"tensor {name} of {n_bytes} bytes is said to lie in bytes {begin} to {end} of "
                f"{self._data.size - self._begin}",
                self._begin + begin,
            )
        return kind, tuple(shape), begin, end

    def _check_overlaps(self) -> None:
        """Tensors that share bytes would let a small file ask for any amount of memory once they are packed."""
        placed = sorted((begin, end, name) for name, (_, _, begin, end) in self._tensors.items())
        for (_, end, before), (begin, _, name) in pairwise(placed):
            if begin < end:
                raise self._broken(f"tensor {name} overlaps tensor {before}", self._begin + begin)

    def _broken(self, reason: str, offset: int) -> ModelFormatError:
        return ModelFormatError(f"{self.path}: {reason}", str(self.path), offset)


def _are_counts(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)
