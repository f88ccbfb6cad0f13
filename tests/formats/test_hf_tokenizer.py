"""Tokenizers of folders against transformers' records, and against each other's promises."""

from __future__ import annotations

import gzip
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.errors import InvalidRequestError, ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_tokenizer import HfTokenizer, open_tokenizer
from llmagentos.formats.tokenizer import PairEncoder

FOLDERS = Path(__file__).parents[1] / "oracles" / "tokenizers"
KINDS = sorted(path.parent.name for path in FOLDERS.glob("*/expected.json.gz"))


@cache
def expected(kind: str) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress((FOLDERS / kind / "expected.json.gz").read_bytes())))


@cache
def opened(kind: str) -> HfTokenizer:
    tokenizer = open_tokenizer(FOLDERS / kind, expected(kind)["n_vocab"], ())
    assert tokenizer is not None
    return tokenizer


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_transformers(kind: str) -> None:
    tokenizer, record = opened(kind), expected(kind)
    for line, ids, plain in zip(record["lines"], record["ids"], record["plain"], strict=True):
        assert tokenizer.encode(line) == ids, line
        assert tokenizer.encode(line, add_special=False) == plain, line


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_ids_are_those_of_transformers(kind: str) -> None:
    tokenizer, record = opened(kind), expected(kind)
    for ids, text in zip(record["plain"], record["decoded"], strict=True):
        assert tokenizer.decode(ids).decode(errors="replace") == text


@pytest.mark.parametrize("kind", KINDS)
def test_streamed_text_is_the_whole_text(kind: str) -> None:
    tokenizer, record = opened(kind), expected(kind)
    for ids in record["plain"]:
        written = [id for id in ids if not tokenizer.is_special(id)]
        stream = Detokenizer(tokenizer)
        streamed = "".join(map(stream.push, written)) + stream.flush()
        # A text's beginning may lose the space that its first word would have in the middle of it.
        assert streamed.lstrip() == tokenizer.decode(written).decode(errors="replace").lstrip()


@pytest.mark.parametrize("kind", KINDS)
def test_roles_and_pairs_are_those_of_transformers(kind: str) -> None:
    tokenizer, record = opened(kind), expected(kind)
    roles = {"bos": tokenizer.bos_id, "eos": tokenizer.eos_id, "pad": tokenizer.pad_id, "unk": tokenizer.unk_id}
    assert roles == record["roles"]
    assert isinstance(tokenizer, PairEncoder)
    assert list(tokenizer.encode_pair("How are you?", "Fine, thanks.")) == record["pair"]


def test_special_tokens_are_read_only_where_asked_for() -> None:
    tokenizer = opened("byte_level")
    text = "<|im_start|>user"
    start = tokenizer.encode(text, add_special=False)[0]
    assert tokenizer.is_special(start)
    spelled = tokenizer.encode(text, add_special=False, parse_special=False)
    assert start not in spelled
    assert tokenizer.decode(spelled) == text.encode()


def test_bos_and_eos_are_around_a_text_where_the_settings_say_so(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDERS / "byte_level", tmp_path / "folder")
    settings = folder / "tokenizer_config.json"
    values = json.loads(settings.read_text())
    for add_bos, add_eos in ((True, True), (False, True), (False, False), (True, False)):
        settings.write_text(json.dumps({**values, "add_bos_token": add_bos, "add_eos_token": add_eos}))
        tokenizer = open_tokenizer(folder, 1000, ())
        assert tokenizer is not None
        assert (tokenizer.add_bos, tokenizer.add_eos) == (add_bos, add_eos)
        ids = tokenizer.encode("a")
        assert (ids[0] == tokenizer.bos_id, ids[-1] == tokenizer.eos_id) == (add_bos, add_eos)


def test_rows_beyond_the_vocabulary_stand_for_no_token() -> None:
    n_tokens = expected("byte_level")["n_vocab"]
    tokenizer = open_tokenizer(FOLDERS / "byte_level", n_tokens + 7, ())
    assert tokenizer is not None
    assert tokenizer.missing_ids == set(range(n_tokens, n_tokens + 7))
    assert tokenizer.n_vocab == n_tokens + 7
    assert tokenizer.token_bytes(n_tokens) == b""
    assert tokenizer.is_special(n_tokens)
    assert tokenizer.decode([n_tokens]) == b""
    with pytest.raises(InvalidRequestError, match="outside the vocabulary"):
        tokenizer.token_bytes(n_tokens + 7)


def test_a_token_beyond_the_model_is_refused() -> None:
    tokenizer = open_tokenizer(FOLDERS / "byte_level", 400, ())
    assert tokenizer is not None
    assert max(tokenizer.encode("1 2")) < 400
    with pytest.raises(InvalidRequestError, match="'<tool>'"):
        tokenizer.encode("a <tool>")


def test_texts_are_never_cut_or_filled_up(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDERS / "byte_level", tmp_path / "folder")
    values = json.loads((folder / "tokenizer.json").read_text())
    values["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    values["padding"] = {
        "strategy": {"Fixed": 64},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<s>",
    }
    (folder / "tokenizer.json").write_text(json.dumps(values))
    tokenizer = open_tokenizer(folder, 1000, ())
    assert tokenizer is not None
    text = "a long text that has many tokens"
    assert tokenizer.encode(text) == opened("byte_level").encode(text)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="surrogate"):
        opened("byte_level").encode("a\ud800")


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("tokenizer.json", "{", ModelFormatError, "is broken"),
        ("tokenizer.json", "{}", ModelFormatError, "is broken"),
        ("tokenizer_config.json", "[]", ModelFormatError, "no JSON object"),
        ("tokenizer_config.json", '{"bos_token": 5}', ModelFormatError, "bos_token must be a token"),
        ("tokenizer_config.json", '{"add_bos_token": 1}', ModelFormatError, "add_bos_token must be true or false"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"-1": "x"}}', ModelFormatError, "tokens by id"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"9": "<s>"}}', ModelFormatError, "is to have id 9"),
        ("tokenizer_config.json", '{"additional_special_tokens": "x"}', ModelFormatError, "a list of tokens"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str, error: type[Exception], message: str) -> None:
    folder = shutil.copytree(FOLDERS / "byte_level", tmp_path / "folder")
    (folder / name).write_text(text)
    with pytest.raises(error, match=message):
        open_tokenizer(folder, 1000, ())


def test_an_unknown_decoder_is_named(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDERS / "byte_level", tmp_path / "folder")
    values = json.loads((folder / "tokenizer.json").read_text())
    values["decoder"] = {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}
    (folder / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(UnsupportedModelError, match=r"tokenizer\.json: a decoder of type 'CTC'"):
        open_tokenizer(folder, 1000, ())


def test_a_folder_without_any_of_its_files_has_no_tokenizer(tmp_path: Path) -> None:
    assert open_tokenizer(tmp_path, 100, ()) is None
