"""Copies of the tiny models with one metadata value replaced or added."""

from __future__ import annotations

import struct
from pathlib import Path

from .tiny_models import TINY

U32, F32, BOOL, TEXT = 4, 6, 7, 8


def patched(source: Path, key: str, value: float, tmp_path: Path) -> Path:
    """A copy of `source` in which the scalar `key` has another value of the same size."""
    data = bytearray(source.read_bytes())
    name = key.encode()
    at = data.find(struct.pack("<Q", len(name)) + name)
    assert at >= 0, f"{source.name} has no {key}"
    at += 8 + len(name)
    (kind,) = struct.unpack_from("<I", data, at)
    assert kind in (U32, F32)
    struct.pack_into("<f" if kind == F32 else "<I", data, at + 4, value)
    path = tmp_path / "patched.gguf"
    path.write_bytes(data)
    return path


def with_key(source: Path, key: str, value: float | bool | str, tmp_path: Path) -> Path:
    """A copy of `source` with one more key, and a text that fills up to the tensors' alignment."""
    data = source.read_bytes()
    (n_keys,) = struct.unpack_from("<Q", data, 16)
    if isinstance(value, str):
        packed = struct.pack("<IQ", TEXT, len(value)) + value.encode()
    else:
        packed = struct.pack("<I?", BOOL, value) if isinstance(value, bool) else struct.pack("<If", F32, value)
    entry = struct.pack("<Q", len(key)) + key.encode() + packed
    filler = struct.pack("<Q", 6) + b"fill%02d" % n_keys + struct.pack("<I", TEXT)  # a new name each time
    text = b" " * (-(len(entry) + len(filler) + 8) % 32)
    added = entry + filler + struct.pack("<Q", len(text)) + text
    path = tmp_path / f"added{n_keys}.gguf"
    path.write_bytes(data[:16] + struct.pack("<Q", n_keys + 2) + added + data[24:])
    return path


def tiny(architecture: str) -> Path:
    return next(path for path in sorted(TINY.glob(f"{architecture}*.gguf")) if "bias" not in path.name)
