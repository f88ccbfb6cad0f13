"""Writes GGUF files (version 3, little-endian): the metadata, then tensors that are made one after the other."""

from __future__ import annotations

import errno
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.quant import dtypes
from llmagentos.errors import LLMAgentOSError
from llmagentos.formats.tensors import TensorSpec

ALIGNMENT = 32
_MAGIC, _VERSION = b"GGUF", 3
_STRING, _ARRAY = 8, 9
# Type ids, and how struct packs a value.
_NUMBERS = {
    "u8": (0, "B"),
    "i8": (1, "b"),
    "u16": (2, "H"),
    "i16": (3, "h"),
    "u32": (4, "I"),
    "i32": (5, "i"),
    "f32": (6, "f"),
    "bool": (7, "?"),
    "u64": (10, "Q"),
    "i64": (11, "q"),
    "f64": (12, "d"),
}
_TENSOR_TYPES = {name: type_id for name, type_id, _, _ in dtypes()}


@dataclass(frozen=True, slots=True)
class GgufValue:
    """A metadata value.

    Attributes:
        type: "u8" to "u64", "i8" to "i64", "f32", "f64", "bool" or "string": the value's, or of an array's elements.
        value: a list for an array. Surrogate escapes in texts become the bytes that they stand for.
    """

    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class TensorToWrite:
    """A tensor whose bytes are made when it is written.

    Attributes:
        chunks: gives the bytes of spec.n_bytes in order, in parts of any size.
    """

    name: str
    spec: TensorSpec
    chunks: Callable[[], Iterable[NDArray[np.uint8]]]


def gguf_value(value: Any) -> GgufValue:
    """A Python value with the type that GGUF files use for such: u32 and f32 wherever they hold it.

    Raises:
        ValueError: GGUF has no type for it.
    """
    elements = value if isinstance(value, list) else [value]
    if all(isinstance(element, bool) for element in elements):
        return GgufValue("bool", value)
    if all(isinstance(element, str) for element in elements):
        return GgufValue("string", value)
    if all(isinstance(element, int) for element in elements):
        low, high = min(elements, default=0), max(elements, default=0)
        fits = [kind for kind, least, most in _INTEGERS if least <= low and high <= most]
        if fits:
            return GgufValue(fits[0], value)
    elif all(isinstance(element, (int, float)) for element in elements):
        return GgufValue("f32", value)
    raise ValueError(f"GGUF has no type for {value!r}")


_INTEGERS = (
    ("u32", 0, 2**32 - 1),
    ("i32", -(2**31), 2**31 - 1),
    ("u64", 0, 2**64 - 1),
    ("i64", -(2**63), 2**63 - 1),
)


def gguf_bytes(metadata: Mapping[str, GgufValue], tensors: Sequence[TensorToWrite]) -> int:
    """The size of the file that `write_gguf` makes."""
    return len(_header(metadata, tensors)) + sum(_aligned(tensor.spec.n_bytes) for tensor in tensors)


def write_gguf(path: Path, metadata: Mapping[str, GgufValue], tensors: Sequence[TensorToWrite]) -> None:
    """Write the file; it is there whole or, if anything is raised meanwhile, not at all.

    Raises:
        LLMAgentOSError: the disk has no room for it.
        OSError: it cannot be written.
    """
    header = _header(metadata, tensors)
    n_bytes = gguf_bytes(metadata, tensors)
    with _whole_file(path, n_bytes) as file:
        file.write(header)
        for tensor in tensors:
            written = 0
            for chunk in tensor.chunks():
                file.write(chunk.data)
                written += chunk.nbytes
            if written != tensor.spec.n_bytes:
                raise ValueError(f"tensor {tensor.name} has {written} bytes, not {tensor.spec.n_bytes}")
            file.write(bytes(_aligned(written) - written))


@contextmanager
def _whole_file(path: Path, n_bytes: int) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place when the block has ended well."""
    free = shutil.disk_usage(path.parent).free
    if free < n_bytes:
        raise _no_space(path, n_bytes, free)
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise _no_space(path, n_bytes, shutil.disk_usage(path.parent).free) from error
        raise
    _sync_folder(path.parent)


def _no_space(path: Path, n_bytes: int, free: int) -> LLMAgentOSError:
    return LLMAgentOSError(f"no disk space for {path}: it takes {n_bytes} bytes, {free} are free")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Makes a rename in it last."""
    with suppress(OSError):  # some file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _header(metadata: Mapping[str, GgufValue], tensors: Sequence[TensorToWrite]) -> bytes:
    parts = [_MAGIC, struct.pack("<IQQ", _VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        parts += [_text(key), _packed(value)]
    offset = 0
    for tensor in tensors:
        shape = tensor.spec.shape[::-1]  # the file has the innermost first
        parts.append(_text(tensor.name))
        parts.append(struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, _TENSOR_TYPES[tensor.spec.dtype], offset))
        offset += _aligned(tensor.spec.n_bytes)
    header = b"".join(parts)
    return header + bytes(_aligned(len(header)) - len(header))


def _packed(value: GgufValue) -> bytes:
    is_array = isinstance(value.value, list)
    elements = value.value if is_array else [value.value]
    if value.type == "string":
        type_id, body = _STRING, b"".join(map(_text, elements))
    else:
        type_id, letter = _NUMBERS[value.type]
        body = struct.pack(f"<{len(elements)}{letter}", *elements)
    if is_array:
        return struct.pack("<IIQ", _ARRAY, type_id, len(elements)) + body
    return struct.pack("<I", type_id) + body


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw)) + raw


def _aligned(n_bytes: int) -> int:
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT
