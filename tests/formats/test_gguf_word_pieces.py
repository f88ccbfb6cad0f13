"""Encoders in GGUF files as llama.cpp has them: names, pooling_type, labels, word pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from tests.encoder_folders import PIECES, SPECIAL, encoder_folder

from llmagentos import LLM, ModelFormatError, UnsupportedModelError
from llmagentos.models import open_checkpoint

CONTROL, NORMAL = 3, 1
TEXTS = ["The cat sits on the mät.", "What?", "bread is baked in 東 [SEP] ovens", ""]


def write_gguf(folder: Path, to: Path, tokens: list[str] | None = None, **changes: Any) -> Path:
    """The folder's model as a file; `changes` are of its keys, by their ends, and None leaves one out."""
    checkpoint = open_checkpoint(folder)
    values = checkpoint.metadata._file
    keys: dict[str, Any] = {key: values.get(key) for key in values.keys()}  # noqa: SIM118
    keys |= {key: values.array(key) for key, value in keys.items() if value is None}
    vocabulary = PIECES[: checkpoint.vocab_size]
    keys["tokenizer.ggml.model"] = "bert"
    keys["tokenizer.ggml.tokens"] = tokens or [_phantom(piece) for piece in vocabulary]
    keys["tokenizer.ggml.token_type"] = [CONTROL if piece in SPECIAL else NORMAL for piece in vocabulary]
    keys["tokenizer.ggml.seperator_token_id"] = SPECIAL.index("[SEP]")
    for name, value in changes.items():
        keys[f"tokenizer.ggml.{name}" if name.endswith("token_id") else f"bert.{name}"] = value
    writer = gguf.GGUFWriter(str(to), "bert")
    for key, value in keys.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        elif value is not None:
            kind = {bool: "bool", int: "uint32", float: "float32", str: "string"}[type(value)]
            getattr(writer, f"add_{kind}")(key, value)
    for name in checkpoint.tensors.names():
        spec = checkpoint.tensors.spec(name)
        assert spec is not None
        assert spec.dtype == "F32"
        writer.add_tensor(name, checkpoint.tensors.blocks(name).view(np.float32).reshape(spec.shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return to


def _phantom(piece: str) -> str:
    if piece in SPECIAL:
        return piece
    return piece[2:] if piece.startswith("##") else f"▁{piece}"


def test_a_file_gives_what_its_folder_gives(tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path / "folder")
    with LLM(folder, threads=1) as llm, LLM(write_gguf(folder, tmp_path / "a.gguf"), threads=1) as other:
        for text in TEXTS:
            assert other.tokenize(text) == llm.tokenize(text)
        np.testing.assert_array_equal(other.embed(TEXTS), llm.embed(TEXTS))


@pytest.mark.parametrize(("number", "rows"), [(1, "mean"), (2, "cls"), (3, "last")])
def test_a_file_says_how_rows_are_pooled(number: int, rows: str, tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path / "folder")
    pooling = open_checkpoint(write_gguf(folder, tmp_path / "a.gguf", pooling_type=number)).pooling
    assert pooling is not None
    assert (pooling.rows, pooling.is_classifier) == (rows, False)


def test_a_way_of_pooling_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="pooling_type=7 is not supported"):
        open_checkpoint(write_gguf(encoder_folder(tmp_path / "folder"), tmp_path / "a.gguf", pooling_type=7))


def test_an_encoder_with_causal_attention_is_refused(tmp_path: Path) -> None:
    path = write_gguf(encoder_folder(tmp_path / "folder"), tmp_path / "a.gguf", **{"attention.causal": True})
    with pytest.raises(UnsupportedModelError, match="causal attention"):
        LLM(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seperator_token_id": 5000}, "seperator_token_id is 5000"),
        ({"tokens": [*SPECIAL, *["▁a"] * 79]}, "78 tokens are there twice"),
        ({"tokens": [_phantom(piece) for piece in PIECES[4:87]]}, "cls_token_id is None"),
    ],
)
def test_a_broken_vocabulary_is_an_error(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    if "tokens" in changes:
        changes = {**changes, "seperator_token_id": None}
    with pytest.raises(ModelFormatError, match=message):
        open_checkpoint(write_gguf(encoder_folder(tmp_path / "folder"), tmp_path / "a.gguf", **changes))
