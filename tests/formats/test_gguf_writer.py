from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmagentos._core.formats import GgufFile
from llmagentos.errors import LLMAgentOSError
from llmagentos.formats.gguf_writer import GgufValue, TensorToWrite, gguf_bytes, gguf_value, write_gguf
from llmagentos.formats.tensors import TensorSpec

VALUES = {
    "u8": 255,
    "i8": -128,
    "u16": 65535,
    "i16": -32768,
    "u32": 2**32 - 1,
    "i32": -(2**31),
    "f32": 0.5,
    "bool": True,
    "u64": 2**63,
    "i64": -(2**63),
    "f64": 1e-300,
    "string": "Größe \udcff",
}


def tensor(name: str, values: NDArray[np.float32], parts: int = 1) -> TensorToWrite:
    pieces = np.array_split(values.reshape(-1).view(np.uint8), parts)
    return TensorToWrite(name, TensorSpec("F32", values.shape), lambda: pieces)


def test_every_type_of_value_comes_back(tmp_path: Path) -> None:
    scalars = {f"one.{kind}": GgufValue(kind, value) for kind, value in VALUES.items()}
    arrays = {f"all.{kind}": GgufValue(kind, [value] * 3) for kind, value in VALUES.items()}
    empty = {"none": GgufValue("string", [])}
    write_gguf(tmp_path / "a.gguf", scalars | arrays | empty, [])
    file = GgufFile(tmp_path / "a.gguf")
    for kind, value in VALUES.items():
        assert (file.value_type(f"one.{kind}"), file.get(f"one.{kind}")) == ((kind, kind), value)
        assert (file.value_type(f"all.{kind}"), file.array(f"all.{kind}")) == (("array", kind), [value] * 3)
    assert file.array("none") == []


def test_gguf_reads_what_is_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {f"t{n}": rng.normal(size=(n, 3 + n)).astype(np.float32) for n in range(1, 5)}
    tensors = [tensor(name, values, parts=n + 1) for n, (name, values) in enumerate(arrays.items())]
    metadata = {"general.architecture": gguf_value("llama"), "list": gguf_value([1, 2, 3])}
    write_gguf(tmp_path / "a.gguf", metadata, tensors)
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    assert reader.fields["list"].contents() == [1, 2, 3]
    assert [found.name for found in reader.tensors] == list(arrays)
    for found in reader.tensors:
        assert found.data_offset % 32 == 0
        np.testing.assert_array_equal(found.data, arrays[found.name])
    assert (tmp_path / "a.gguf").stat().st_size == gguf_bytes(metadata, tensors)


@settings(deadline=None, max_examples=50)  # each syncs a file to disk
@given(st.dictionaries(st.text(min_size=1), st.one_of(st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text())))
def test_python_values_come_back(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "property.gguf"
    write_gguf(path, {key: gguf_value(value) for key, value in values.items()}, [])
    file = GgufFile(path)
    assert dict(zip(file.keys(), map(file.get, file.keys()), strict=True)) == values


def test_a_value_that_has_no_type_is_refused() -> None:
    for value in (None, [1, "a"], 2**64, {"a": 1}, [-1, 2**63]):
        with pytest.raises(ValueError, match="no type"):
            gguf_value(value)


class Interrupted(Exception):
    pass


def failing(error: BaseException) -> TensorToWrite:
    def chunks() -> Iterator[NDArray[np.uint8]]:
        yield np.zeros(16, np.uint8)
        raise error

    return TensorToWrite("x", TensorSpec("F32", (8,)), chunks)


def test_what_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_text("before")
    for made in (failing(Interrupted()), failing(KeyboardInterrupt())):
        with pytest.raises((Interrupted, KeyboardInterrupt)):
            write_gguf(path, {}, [made])
    short = TensorToWrite("x", TensorSpec("F32", (8,)), lambda: [np.zeros(31, np.uint8)])
    with pytest.raises(ValueError, match="31 bytes, not 32"):
        write_gguf(path, {}, [short])
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.gguf", "before")]


class Usage(NamedTuple):
    free: int


def test_a_full_disk_is_told_before_and_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(LLMAgentOSError, match=r"no disk space for .*a\.gguf: it takes \d+ bytes"):
        write_gguf(tmp_path / "a.gguf", {}, [failing(full)])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(40))
    with pytest.raises(LLMAgentOSError, match="takes 96 bytes, 40 are free"):
        write_gguf(tmp_path / "a.gguf", {}, [failing(Interrupted())])
    assert list(tmp_path.iterdir()) == []
