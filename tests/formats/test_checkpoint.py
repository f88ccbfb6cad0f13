"""Files that can be read and hold no model."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from llmagentos.errors import ModelFormatError
from llmagentos.models import open_checkpoint

TINY = Path(__file__).resolve().parents[1] / "oracles" / "models" / "tiny" / "llama_f32.gguf"
TENSOR_COUNT = 8  # byte


def test_a_file_without_tensors_says_so(tmp_path: Path) -> None:
    data = bytearray(TINY.read_bytes())
    struct.pack_into("<Q", data, TENSOR_COUNT, 0)
    path = tmp_path / "empty.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelFormatError, match=r"empty\.gguf: the file lists no tensors, so it holds no model$"):
        open_checkpoint(path)


def test_a_context_too_short_for_an_answer_is_the_files_fault(tmp_path: Path) -> None:
    data = bytearray(TINY.read_bytes())
    key = b"llama.context_length"
    at = data.find(struct.pack("<Q", len(key)) + key) + 8 + len(key)
    struct.pack_into("<I", data, at + 4, 1)
    path = tmp_path / "short.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelFormatError, match=r"llama\.context_length is 1, it must be in 2\.\."):
        open_checkpoint(path).context_length  # noqa: B018  (the look-up is what is tested)
