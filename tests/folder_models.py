"""Models in the folders of tests/oracles/families, behind `LLM`, with a tokenizer that says little."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from llmagentos import LLM, models
from llmagentos.formats import Checkpoint

from .models.families import DATA


class LetterTokenizer:
    """The letters of a text are its tokens, from the space on, but for the tokens that end a text."""

    bos_id = pad_id = unk_id = eos_id = None
    add_bos = add_eos = False

    def __init__(self, n_vocab: int, end_ids: Sequence[int]) -> None:
        self.n_vocab = n_vocab
        self.end_ids = list(end_ids)

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        return [(ord(letter) - 32) % self.n_vocab for letter in text]

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> bytes:
        return b"".join(self.token_bytes(id) for id in ids if id not in self.end_ids)

    def token_bytes(self, id: int) -> bytes:
        return b"</s>" if id in self.end_ids else bytes([32 + id])

    def token_text(self, id: int) -> str:
        return self.token_bytes(id).decode()

    def is_special(self, id: int) -> bool:
        return id in self.end_ids


@contextmanager
def files_of_model(name: str) -> Iterator[Path]:
    """Whatever name `LLM` is given, it opens one of the tiny models; gives its folder."""
    path, opened = DATA / name, models.open_checkpoint

    def with_tokenizer(path: Path) -> Checkpoint:
        checkpoint = opened(path)
        settings = path / "generation_config.json"
        fields = json.loads((settings if settings.exists() else path / "config.json").read_text())
        tokenizer = LetterTokenizer(checkpoint.vocab_size, [fields["eos_token_id"]])
        return replace(checkpoint, tokenizer=cast(Any, tokenizer))

    with (
        patch("llmagentos.models.open_checkpoint", with_tokenizer),
        patch("llmagentos.market.resolve", lambda _: path),
    ):
        yield path


def open_folder_model(name: str, **options: Any) -> LLM:
    """LLM on one of the tiny models."""
    with files_of_model(name) as path:
        return LLM(path, **{"threads": 1, "kv_dtype": "f32", **options})
