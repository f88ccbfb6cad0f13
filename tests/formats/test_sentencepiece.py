"""SentencePiece models, whole and broken."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.errors import InvalidRequestError, LLMAgentOSError, ModelFormatError, UnsupportedModelError
from llmagentos.formats.hf_tokenizer import open_tokenizer
from llmagentos.formats.hf_tokenizer.sentencepiece import ModelType, PieceType, read_sentencepiece

FOLDERS = Path(__file__).parents[1] / "oracles" / "tokenizers"
GEMMA = FOLDERS / "gemma" / "tokenizer.model"


def field(number: int, value: bytes | float) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        import struct

        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def varint(value: int) -> bytes:
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


UNKNOWN = field(1, field(1, b"<unk>") + field(3, 2))


def test_a_model_says_what_it_was_trained_with() -> None:
    model = read_sentencepiece(GEMMA)
    assert model.type is ModelType.BPE
    assert model.byte_fallback
    assert not model.add_dummy_prefix
    assert not model.remove_extra_whitespaces
    assert [piece.text for piece in model.pieces[:4]] == ["<pad>", "<eos>", "<bos>", "<unk>"]
    assert model.pieces[3].type is PieceType.UNKNOWN
    assert model.unknown_id == 3
    assert {piece.type for piece in model.pieces} >= {PieceType.BYTE, PieceType.USER_DEFINED, PieceType.NORMAL}
    assert read_sentencepiece(FOLDERS / "t5" / "spiece.model").charsmap


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no piece for what is unknown"),
        (UNKNOWN + b"\x80", "ends inside a number"),
        (UNKNOWN + b"\xff" * 11, "more than 64 bits"),
        (UNKNOWN + varint(1 << 3 | 2) + varint(2**62), "do not fit"),
        (UNKNOWN + varint(1 << 3 | 3), "no wire type 3"),
        (UNKNOWN + field(1, 5), "wire type 0, not 2"),
        (UNKNOWN + field(1, field(1, b"\xff")), "no UTF-8"),
        (UNKNOWN + field(1, field(2, float("nan"))), "a score is nan"),
        (UNKNOWN + field(1, field(3, 9)), "9 is no PieceType"),
        (UNKNOWN + field(2, field(3, 9)), "9 is no ModelType"),
    ],
)
def test_a_broken_model_is_told(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "some.model"
    path.write_bytes(data)
    with pytest.raises(ModelFormatError, match=message) as raised:
        read_sentencepiece(path)
    assert raised.value.offset is not None


def test_fields_that_are_not_known_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "some.model"
    path.write_bytes(field(99, b"new") + field(98, 7) + field(97, 1.0) + UNKNOWN)
    assert [piece.text for piece in read_sentencepiece(path).pieces] == ["<unk>"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bytes_break_more_than_a_folder(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    kind, name = data.draw(st.sampled_from([("llama", "tokenizer.model"), ("xlm_roberta", "sentencepiece.bpe.model")]))
    whole = (FOLDERS / kind / name).read_bytes()
    broken = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if broken:
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("broken")
    shutil.copy(FOLDERS / kind / "tokenizer_config.json", folder)
    (folder / name).write_bytes(broken)
    with contextlib.suppress(LLMAgentOSError):  # what it may be: an error of ours, and nothing else
        tokenizer = open_tokenizer(folder, 1000, ())
        assert tokenizer is not None
        assert all(id >= 0 for id in tokenizer.encode("Hello\n wörld <s>"))


def test_a_broken_normalisation_is_an_error(tmp_path: Path) -> None:
    """The package's Rust code panics on it."""
    data = bytearray((FOLDERS / "t5" / "spiece.model").read_bytes())
    begin = data.rfind(b"nmt_nfkc") + 16
    data[begin : begin + 60_000] = b"\xa5" * 60_000
    (tmp_path / "spiece.model").write_bytes(data)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises((ModelFormatError, InvalidRequestError), match=r"broken|cannot encode"):
        open_tokenizer(tmp_path, 1000, ()).encode("Hello wörld é")  # type: ignore[union-attr]


def test_a_class_that_is_not_known_is_named(tmp_path: Path) -> None:
    shutil.copy(GEMMA, tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "OwnTokenizerFast"}')
    with pytest.raises(UnsupportedModelError, match=r"a OwnTokenizer of a SentencePiece model .* tokenizer\.json"):
        open_tokenizer(tmp_path, 1000, ())


def test_the_models_type_tells_the_class_where_nothing_else_does(tmp_path: Path) -> None:
    shutil.copy(FOLDERS / "t5" / "spiece.model", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "mt5"}')
    tokenizer = open_tokenizer(tmp_path, 1000, ())
    assert tokenizer is not None
    assert tokenizer.encode("a")[-1] == tokenizer.eos_id == 1
    assert tokenizer.token_text(tokenizer.encode("<extra_id_0>")[0]) == "<extra_id_0>"
