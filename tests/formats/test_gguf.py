"""The GGUF reader, through Python: what it reads, and what it says of files it refuses."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagentos._core.formats import GgufFile
from llmagentos.errors import InvalidRequestError, ModelFormatError, ModelNotFoundError, UnsupportedModelError


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    """Written by gguf's own writer: scalars, arrays and three tensors."""
    path = tmp_path / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.block_count", 7)
    writer.add_float32("llama.rope.freq_base", 10000.0)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_uint64("large", 2**63 + 5)
    writer.add_int64("negative", -(2**40))
    writer.add_string("greeting", "Grüße 世界")
    writer.add_array("tokens", ["<s>", "", "▁a", "日"])
    writer.add_array("numbers", [3, -1, 2])
    writer.add_array("floats", [0.5, -2.0])
    writer.add_array("flags", [True, False])
    writer.add_tensor("f32", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    writer.add_tensor("f16", np.arange(6, dtype=np.float16).reshape(2, 3))
    quants = gguf.quants.quantize(np.ones((2, 64), np.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("q8", quants, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def read(file: GgufFile, key: str) -> object:
    return file.get(key) if file.array_length(key) is None else file.array(key)


def test_values_are_what_ggufs_writer_wrote(small_file: Path) -> None:
    file = GgufFile(str(small_file))
    keys = file.keys()
    assert (file.path, file.version, file.n_bytes) == (str(small_file), 3, small_file.stat().st_size)
    assert keys[0] == "general.architecture"
    expected = {
        "general.architecture": "llama",
        "llama.block_count": 7,
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.add_bos_token": True,
        "large": 2**63 + 5,
        "negative": -(2**40),
        "greeting": "Grüße 世界",
        "tokens": ["<s>", "", "▁a", "日"],
        "numbers": [3, -1, 2],
        "floats": [0.5, -2.0],
        "flags": [True, False],
    }
    values = {key: read(file, key) for key in keys}
    assert values == expected
    assert {key: type(value) for key, value in values.items()} == {key: type(v) for key, v in expected.items()}
    assert file.array_length("tokens") == 4
    assert file.array_length("greeting") is None
    assert file.get("absent") is None
    assert file.array("absent") is None
    assert file.array_length("absent") is None


def test_an_array_is_no_single_value_nor_the_other_way_round(small_file: Path) -> None:
    file = GgufFile(str(small_file))
    with pytest.raises(ModelFormatError, match='"tokens" is an array of 4 elements') as caught:
        file.get("tokens")
    assert caught.value.offset is not None
    with pytest.raises(ModelFormatError, match='"greeting" is a single value'):
        file.array("greeting")


def test_tensors_are_what_ggufs_writer_wrote(small_file: Path) -> None:
    file = GgufFile(str(small_file))
    infos = {info.name: info for info in file.tensors}
    assert list(infos) == ["f32", "f16", "q8"]
    assert [(i.dtype, i.shape, i.n_bytes) for i in infos.values()] == [
        ("F32", (2, 3, 4), 96),
        ("F16", (2, 3), 12),
        ("Q8_0", (2, 64), 136),
    ]
    raw = small_file.read_bytes()
    for info in infos.values():
        view = file.tensor_data(info.name)
        assert view.readonly
        assert bytes(view) == raw[info.offset : info.offset + info.n_bytes]
    np.testing.assert_array_equal(np.frombuffer(file.tensor_data("f32"), np.float32), np.arange(24))
    with pytest.raises(InvalidRequestError, match='has no tensor "absent"'):
        file.tensor_data("absent")
    assert file.tensor_names() == list(infos)
    assert file.n_tensors == 3
    assert file.n_values == 24 + 6 + 128
    assert file.bytes_per_dtype == {"F32": 96, "F16": 12, "Q8_0": 136}
    found = file.tensor("q8")
    assert found is not None
    assert (found.name, found.shape) == ("q8", (2, 64))
    assert file.tensor("absent") is None


def test_tensor_data_outlives_the_file_object_and_its_name(small_file: Path) -> None:
    view = GgufFile(str(small_file)).tensor_data("f32")
    small_file.unlink()
    np.testing.assert_array_equal(np.frombuffer(view, np.float32), np.arange(24))


def test_text_that_is_not_utf8_can_be_turned_back_into_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "text.gguf"
    text = b"a\xff\xe2\x82"
    entry = struct.pack("<Q", 1) + b"k" + struct.pack("<IQ", 8, len(text)) + text
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry)
    value = GgufFile(str(path)).get("k")
    assert isinstance(value, str)
    assert value.encode("utf-8", "surrogateescape") == text


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
def test_a_path_need_not_be_utf8(small_file: Path) -> None:
    path = small_file.with_name(os.fsdecode(b"\xff\xc3\xa9.gguf"))
    small_file.rename(path)
    for form in (path, str(path), os.fsencode(path)):
        assert GgufFile(form).path == str(path)
    with pytest.raises(InvalidRequestError, match="has no tensor") as refused:
        GgufFile(path).tensor_data("absent")
    assert str(refused.value).startswith(str(path))
    path.write_bytes(b"GGUX")
    with pytest.raises(ModelFormatError) as broken:
        GgufFile(path)
    assert str(broken.value).startswith(f"{path}: at byte 0")
    assert broken.value.path == str(path)
    path.unlink()
    with pytest.raises(ModelNotFoundError) as missing:
        GgufFile(path)
    assert str(missing.value).startswith(f"{path}: cannot be opened")
    with pytest.raises(ValueError, match="null byte"):
        GgufFile("a\0b")


def refusal(path: Path, content: bytes) -> ModelFormatError:
    path.write_bytes(content)
    with pytest.raises(ModelFormatError) as caught:
        GgufFile(str(path))
    assert caught.value.path == str(path)
    assert caught.value.offset is not None
    assert str(caught.value).startswith(f"{path}: at byte {caught.value.offset}: ")
    return caught.value


def test_bad_files_are_refused_with_file_and_offset(tmp_path: Path, small_file: Path) -> None:
    good = small_file.read_bytes()
    path = tmp_path / "bad.gguf"
    cases = [
        (b"", 0, "the file is empty"),
        (b"GG", 0, "truncated: the magic takes 4 bytes and the file needs 2 bytes more"),
        (b"PK\x03\x04" + good[4:], 0, "wrong magic"),
        (good[:4] + struct.pack("<I", 9) + good[8:], 4, "unknown GGUF version 9"),
        (good[:8] + struct.pack("<Q", 2**63) + good[16:], 8, "a tensor count of 9223372036854775808"),
        (good[:16] + struct.pack("<Q", 2**40) + good[24:], 16, "a metadata count of 1099511627776"),
        (good[:24] + struct.pack("<Q", 2**64 - 1) + good[32:], 32, "truncated: a metadata key takes 1844674407370"),
        (good[:-40], len(good) - 40, "the file needs"),
    ]
    for content, offset, message in cases:
        error = refusal(path, content)
        assert (error.offset, message in str(error)) == (offset, True), str(error)


def test_a_tensor_offset_past_the_end_is_refused(tmp_path: Path, small_file: Path) -> None:
    good = small_file.read_bytes()
    at = good.index(b"q8") + 2 + 4 + 2 * 8 + 4
    error = refusal(tmp_path / "bad.gguf", good[:at] + struct.pack("<Q", 2**40) + good[at + 8 :])
    assert 'truncated: tensor "q8"' in str(error)
    assert error.offset == len(good)


def test_files_this_build_cannot_read_say_why(tmp_path: Path, small_file: Path) -> None:
    good = small_file.read_bytes()
    type_at = good.index(b"q8") + 2 + 4 + 2 * 8
    path = tmp_path / "other.gguf"
    for content, message in [
        (good[:4] + struct.pack("<I", 1) + good[8:], "GGUF version 1"),
        (good[:4] + struct.pack(">I", 3) + good[8:], "big-endian"),
        (good[:type_at] + struct.pack("<I", 16) + good[type_at + 4 :], 'tensor "q8" has the type id 16'),
    ]:
        path.write_bytes(content)
        with pytest.raises(UnsupportedModelError, match=message) as caught:
            GgufFile(str(path))
        assert str(caught.value).startswith(f"{path}: at byte ")


def test_paths_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"absent\.gguf: cannot be opened: No such file"):
        GgufFile(str(tmp_path / "absent.gguf"))
    with pytest.raises(ModelNotFoundError, match="is a directory"):
        GgufFile(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelNotFoundError, match="is not a regular file"):
        GgufFile(str(tmp_path / "pipe"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_read_permission_says_so(tmp_path: Path, small_file: Path) -> None:
    small_file.chmod(0)
    with pytest.raises(ModelNotFoundError, match="Permission denied"):
        GgufFile(str(small_file))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes_are_read_or_refused(tmp_path: Path, small_file: Path, data: st.DataObject) -> None:
    content = bytearray(small_file.read_bytes())
    edits = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4))
    for at, value in edits:
        content[at] = value
    path = tmp_path / "changed.gguf"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        file = GgufFile(str(path))
    except (ModelFormatError, UnsupportedModelError):
        return
    keys = file.keys()
    for key in keys:
        read(file, key)
    for info in file.tensors:
        assert len(file.tensor_data(info.name)) == info.n_bytes
