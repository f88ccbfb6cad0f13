"""Tokenizers of folders in GGUF's form give the ids that `tokenizers` gives for the folder's file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer
from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.gguf_tokenizer import gguf_tokenizer
from llmagentos.formats.gguf_writer import TensorToWrite, gguf_value, write_gguf
from llmagentos.formats.tensors import TensorSpec

ORACLE = Path(__file__).parents[1] / "oracles" / "tokenize" / "folders.json.gz"
RECORD: dict[str, Any] = json.loads(gzip.decompress(ORACLE.read_bytes()))
KINDS = sorted(RECORD["tokenizers"])
N_VOCAB = 700


def folder_of(tokenizer: dict[str, Any], tmp_path: Path, **settings: Any) -> Path:
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (tmp_path / "config.json").write_text('{"eos_token_id": 1}')
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    return tmp_path


def file_of(folder: Path) -> GgufFile:
    metadata = {"general.architecture": gguf_value("llama")} | gguf_tokenizer(folder, N_VOCAB)
    tensor = TensorToWrite("x", TensorSpec("F32", (8,)), lambda: [np.zeros(32, np.uint8)])
    write_gguf(folder / "made.gguf", metadata, [tensor])
    return GgufFile(folder / "made.gguf")


def tokenizer_json(kind: str) -> dict[str, Any]:
    return json.loads(json.dumps(RECORD["tokenizers"][kind]["tokenizer"]))  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_folders_tokenizer(kind: str, tmp_path: Path) -> None:
    file = file_of(folder_of(tokenizer_json(kind), tmp_path, bos_token="<s>"))
    tokenizer = Tokenizer.from_gguf(file)
    for line, ids in zip(RECORD["lines"], RECORD["tokenizers"][kind]["ids"], strict=True):
        assert tokenizer.encode(line, parse_special=True) == ids, line
    if kind not in ("llama", "gemma"):
        assert file.get("tokenizer.ggml.pre") == kind


def test_roles_types_and_unused_rows_are_told(tmp_path: Path) -> None:
    tokenizer = tokenizer_json("qwen2")
    folder = folder_of(tokenizer, tmp_path, eos_token={"content": "<|im_end|>"}, pad_token="<s>", bos_token=None)
    file = file_of(folder)
    ids = tokenizer["model"]["vocab"]
    assert file.get("tokenizer.ggml.eos_token_id") == ids["<|im_end|>"]
    assert file.get("tokenizer.ggml.padding_token_id") == ids["<s>"]
    assert file.get("tokenizer.ggml.bos_token_id") == ids["<s>"]  # the template puts it first
    assert file.get("tokenizer.ggml.add_bos_token") is True
    assert file.get("tokenizer.ggml.add_eos_token") is False
    texts, types = file.array("tokenizer.ggml.tokens"), file.array("tokenizer.ggml.token_type")
    assert texts is not None
    assert types is not None
    assert (len(texts), texts[-1], types[-1]) == (N_VOCAB, "[PAD699]", 5)
    assert [types[texts.index(text)] for text in ("<s>", "<tool>", "a")] == [3, 4, 1]  # type: ignore[arg-type]


def test_a_folder_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    assert gguf_tokenizer(tmp_path, 10)["tokenizer.ggml.model"].value == "none"
    (tmp_path / "spiece.model").touch()
    with pytest.raises(UnsupportedModelError, match=r"spiece\.model; GGUF files are made from tokenizer\.json"):
        gguf_tokenizer(tmp_path, 10)


def changed(kind: str, **fields: Any) -> dict[str, Any]:
    return tokenizer_json(kind) | fields


@pytest.mark.parametrize(
    ("tokenizer", "reason"),
    [
        (changed("gpt-2", model={"type": "Unigram", "vocab": []}), "type Unigram"),
        (changed("gpt-2", normalizer={"type": "Lowercase"}), "no normalizer Lowercase"),
        (changed("gpt-2", pre_tokenizer={"type": "Whitespace"}), "no name for how it splits"),
        (changed("llama", normalizer={"type": "NFKC"}), "no normalizer"),
    ],
)
def test_what_gguf_cannot_say_is_refused(tokenizer: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        gguf_tokenizer(folder_of(tokenizer, tmp_path), N_VOCAB)


def test_merges_that_are_no_order_of_tokens_are_refused(tmp_path: Path) -> None:
    tokenizer = tokenizer_json("llama")
    del tokenizer["model"]["merges"][3]
    with pytest.raises(UnsupportedModelError, match="no order of tokens by score"):
        gguf_tokenizer(folder_of(tokenizer, tmp_path), N_VOCAB)


@pytest.mark.parametrize("n_vocab", [0, 100])
def test_ids_outside_the_embedding_are_named(n_vocab: int, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=f"in a vocabulary of {n_vocab}"):
        gguf_tokenizer(folder_of(tokenizer_json("gpt-2"), tmp_path), n_vocab)


def test_a_merge_that_is_no_pair_is_named(tmp_path: Path) -> None:
    tokenizer = tokenizer_json("gpt-2")
    tokenizer["model"]["merges"] = ["a b c"]
    with pytest.raises(ModelFormatError, match="'a b c' is no pair"):
        gguf_tokenizer(folder_of(tokenizer, tmp_path), N_VOCAB)
