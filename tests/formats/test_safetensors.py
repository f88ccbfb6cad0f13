"""Safetensors files: what is read of whole ones, and that broken ones are refused with the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.errors import ModelFormatError, ModelNotFoundError
from llmagentos.formats.safetensors import SafetensorsFile
from llmagentos.formats.tensors import is_mapped


def write(path: Path, header: object, data: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def floats(begin: int, end: int, n: int | None = None) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - begin) // 4 if n is None else n], "data_offsets": [begin, end]}


def test_tensors_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "b": floats(8, 16), "a": floats(0, 8), "none": floats(8, 8)}
    file = SafetensorsFile(write(tmp_path / "m", header, np.arange(4, dtype="<f4").tobytes()))
    assert file.metadata == {"format": "pt"}
    assert {name: file.array(name).tolist() for name in file.names()} == {"b": [2, 3], "a": [0, 1], "none": []}
    assert is_mapped(file.array("a"))
    assert not is_mapped(file.array("a").copy())


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"a": floats(0, 8), "b": floats(4, 12)}, "tensor b overlaps tensor a"),
        ({"b": floats(0, 16), "a": floats(4, 8)}, "tensor a overlaps tensor b"),
        ({"a": floats(0, 16), "b": floats(0, 16)}, "tensor b overlaps tensor a"),
        ({"a": floats(8, 20)}, "tensor a of 12 bytes is said to lie in bytes 8 to 20 of 16"),
        ({"a": floats(0, 8, n=1)}, "tensor a of 4 bytes is said to lie in bytes 0 to 8 of 16"),
        ({"a": floats(8, 4, n=0)}, "tensor a of 0 bytes is said to lie in bytes 8 to 4 of 16"),
        ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, r"tensor a has shape \[True\]"),
        ({"a": 1}, "tensor a is not described by an object"),
        ([], "the header is no JSON object"),
        (b"{", "the header is no JSON"),
    ],
)
def test_a_broken_header_is_refused(tmp_path: Path, header: object, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message) as raised:
        SafetensorsFile(write(tmp_path / "m", header, bytes(16)))
    assert raised.value.offset is not None


@given(parts=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=4))
def test_only_tensors_that_share_no_bytes_are_taken(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, int]]
) -> None:
    header = {str(i): floats(4 * begin, 4 * (begin + n)) for i, (begin, n) in enumerate(parts)}
    path = write(tmp_path_factory.mktemp("m") / "m", header, bytes(4 * 12))
    taken = [at for begin, n in parts for at in range(begin, begin + n)]
    if len(taken) == len(set(taken)) and all(n > 0 for _, n in parts):
        assert SafetensorsFile(path).names() == list(header)
    elif len(taken) > len(set(taken)):
        with pytest.raises(ModelFormatError, match="overlaps"):
            SafetensorsFile(path)


def test_files_that_hold_no_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"1234567")
    (tmp_path / "long").write_bytes((9).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelFormatError, match="7 bytes are too few"):
        SafetensorsFile(tmp_path / "short")
    with pytest.raises(ModelFormatError, match="a header of 9 bytes does not fit"):
        SafetensorsFile(tmp_path / "long")
    with pytest.raises(ModelNotFoundError, match="cannot open"):
        SafetensorsFile(tmp_path / "missing")
