"""The rules of both tokenizers on vocabularies small enough to work out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer
from llmagentos.errors import InvalidRequestError, ModelFormatError, UnsupportedModelError

from .vocabulary_file import BYTE, CONTROL, NORMAL, USER_DEFINED, bpe_keys, make_tokenizer, spm_keys

WORDS = {"▁": -9.0, "a": -9.0, "b": -9.0, "c": -9.0, "ab": -1.0, "bc": -2.0, "abc": -3.0, "▁a": -4.0}


def texts(tokenizer: Tokenizer, text: str | bytes, **options: bool) -> list[str]:
    return [tokenizer.token_text(i) for i in tokenizer.encode(text, **options)]


def test_spm_merges_the_best_score_first_then_the_leftmost(tmp_path: Path) -> None:
    plain = make_tokenizer(tmp_path, **spm_keys(WORDS), add_space_prefix=False)
    assert texts(plain, "abc", add_special=False) == ["abc"]
    assert texts(plain, "bca", add_special=False) == ["bc", "a"]
    assert texts(plain, "abbc", add_special=False) == ["ab", "bc"]
    doubled = make_tokenizer(tmp_path, **spm_keys({"a": -9.0, "aa": -1.0}), add_space_prefix=False)
    assert texts(doubled, "aaa", add_special=False) == ["aa", "a"]


def test_spm_spells_what_no_token_covers_in_bytes(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path, **spm_keys(WORDS), add_space_prefix=False)
    ids = tokenizer.encode("aé\xff".encode() + b"\xff", add_special=False)
    assert [tokenizer.token_text(i) for i in ids] == ["a", "<0xC3>", "<0xA9>", "<0xC3>", "<0xBF>", "<0xFF>"]
    assert tokenizer.decode(ids) == "aé\xff".encode() + b"\xff"
    assert tokenizer.token_bytes(ids[1]) == b"\xc3"


def test_spm_without_byte_tokens_falls_back_to_unknown(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path, **spm_keys(WORDS, with_bytes=False), add_space_prefix=False)
    assert texts(tokenizer, "aé", add_special=False) == ["a", "<unk>", "<unk>"]


def test_spm_space_prefix_comes_before_text_and_goes_when_decoded(tmp_path: Path) -> None:
    with_prefix = make_tokenizer(tmp_path, **spm_keys(WORDS))
    assert texts(with_prefix, "a") == ["<s>", "▁a"]
    assert texts(with_prefix, " a") == ["<s>", "▁", "▁a"]
    assert texts(with_prefix, "a<s>a", add_special=False) == ["▁a", "<s>", "▁a"]
    assert texts(with_prefix, "") == ["<s>"]
    assert with_prefix.decode(with_prefix.encode(" a b")) == b"<s> a b"
    assert with_prefix.decode(with_prefix.encode(" a b"), skip_special=True) == b" a b"
    without = make_tokenizer(tmp_path, **spm_keys(WORDS), add_space_prefix=False, add_bos_token=False)
    assert texts(without, "a") == ["a"]
    assert without.decode(without.encode(" a")) == b" a"


def test_user_defined_tokens_are_found_even_where_control_tokens_are_not(tmp_path: Path) -> None:
    types = {"<u>": USER_DEFINED, "<uu>": USER_DEFINED, "  ": USER_DEFINED}
    keys = spm_keys(WORDS | dict.fromkeys(types, 0.0), types)
    tokenizer = make_tokenizer(tmp_path, **keys, add_space_prefix=False)
    found = texts(tokenizer, "a<u><uu><s>   a", add_special=False)
    assert found == ["a", "<u>", "<uu>", "<s>", "  ", "▁a"]
    unparsed = texts(tokenizer, "<u><s>", add_special=False, parse_special=False)
    assert unparsed == ["<u>", "<0x3C>", "<0x73>", "<0x3E>"]
    assert not tokenizer.is_special(tokenizer.encode("<u>", add_special=False)[0])


def test_longer_special_tokens_are_cut_out_first(tmp_path: Path) -> None:
    types = {"<a": CONTROL, "a>b": CONTROL, "\n": USER_DEFINED, "\n\n": USER_DEFINED, "\n\n\n": USER_DEFINED}
    tokenizer = make_tokenizer(tmp_path, **bpe_keys(["a b"], types))
    assert texts(tokenizer, "<a>b") == ["<", "a>b"]
    assert texts(tokenizer, "\n" * 5) == ["\n\n\n", "\n\n"]
    assert texts(tokenizer, "x\n" + "ab") == ["x", "\n", "ab"]


def test_bpe_merges_in_the_order_of_the_merges(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path, **bpe_keys(["b c", "a b", "a bc", "Ġ a"]))
    assert texts(tokenizer, "abc ab a") == ["abc", "Ġ", "ab", "Ġa"]
    assert tokenizer.decode(tokenizer.encode("abc ab a")) == b"abc ab a"


def test_bpe_words_that_are_tokens_come_whole_where_the_splitting_says_so(tmp_path: Path) -> None:
    merges = ["a b", "b c", "c d", "ab cd"]
    keys = bpe_keys(merges, {"bcd": NORMAL}, pre="llama-bpe")
    tokenizer = make_tokenizer(tmp_path, **keys, add_bos_token=False)
    assert texts(tokenizer, "bcd abcd") == ["bcd", "Ġ", "abcd"]
    assert texts(make_tokenizer(tmp_path, **bpe_keys(merges, {"bcd": NORMAL})), "bcd") == ["bc", "d"]


def test_bpe_leaves_out_bytes_without_a_token(tmp_path: Path) -> None:
    keys = bpe_keys(["a b"])
    keys["tokens"] = [text if text != "z" else "zzz" for text in keys["tokens"]]
    tokenizer = make_tokenizer(tmp_path, **keys)
    assert tokenizer.decode(tokenizer.encode("azb")) == b"ab"


def test_bos_and_eos_follow_the_file(tmp_path: Path) -> None:
    keys = bpe_keys(["a b"], {"<s>": CONTROL, "<|im_end|>": CONTROL})
    assert make_tokenizer(tmp_path, **keys).bos_id is None
    tokenizer = make_tokenizer(
        tmp_path, **keys, bos_token_id=257, eos_token_id=258, add_bos_token=True, add_eos_token=True
    )
    assert tokenizer.encode("ab") == [257, 256, 258]
    assert tokenizer.encode("ab", add_special=False) == [256]
    assert (tokenizer.add_bos, tokenizer.add_eos, tokenizer.end_ids) == (True, True, [258])


def test_end_ids_are_known_by_role_and_by_text(tmp_path: Path) -> None:
    types = dict.fromkeys(["<|im_end|>", "<|eot_id|>", "<odd>", "<|end|>", "<|call|>", "<|return|>"], CONTROL)
    tokenizer = make_tokenizer(tmp_path, **bpe_keys(["a b"], types), eos_token_id=259)
    assert [tokenizer.token_text(i) for i in tokenizer.end_ids] == [
        "<|im_end|>", "<|eot_id|>", "<odd>", "<|call|>", "<|return|>",
    ]  # fmt: skip
    assert not tokenizer.is_special(260)  # "<|end|>" closes a part of an answer where "<|return|>" closes the answer


@pytest.mark.parametrize("pre", ["no-such-splitting", "superbpe"])
def test_an_unknown_splitting_is_named(tmp_path: Path, pre: str) -> None:
    with pytest.raises(UnsupportedModelError, match=pre):
        make_tokenizer(tmp_path, **bpe_keys(["a b"], pre=pre))


def test_an_unknown_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="rwkv"):
        make_tokenizer(tmp_path, **(bpe_keys(["a b"]) | {"model": "rwkv"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bos_token_id": 100000}, "bos_token_id is 100000"),
        ({"eos_token_id": -1}, "eos_token_id is -1"),
        ({"merges": ["a b", "a nothing"]}, "merge 1"),
        ({"merges": ["ab"]}, "merge 0"),
        ({"merges": []}, "merges"),
        ({"tokens": []}, "tokens"),
        ({"tokens": ["a", "b", "a"], "token_type": [1, 1, 1]}, "token 2 has the text of token 0"),
        ({"token_type": [1]}, "token_type has 1"),
        ({"scores": [1.0]}, "scores has 1"),
        ({"token_type": [BYTE] * 257}, "byte token 0"),
        ({"add_bos_token": True}, "BOS"),
        ({"model": "llama"}, "scores"),
    ],
)
def test_a_broken_vocabulary_is_a_format_error(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        make_tokenizer(tmp_path, **(bpe_keys(["a b"]) | change))


def test_a_file_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="model"):
        make_tokenizer(tmp_path, pre="gpt-2")
    with pytest.raises(ModelFormatError, match="tokens"):
        make_tokenizer(tmp_path, model="gpt2", pre="gpt-2")


def test_arguments_outside_the_vocabulary_are_refused(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path, **bpe_keys(["a b"]))
    for call in (tokenizer.token_bytes, tokenizer.token_text, tokenizer.is_special):
        for bad in (-1, 257, 2**40):
            with pytest.raises(InvalidRequestError, match=str(bad)):
                call(bad)
    with pytest.raises(InvalidRequestError, match="257"):
        tokenizer.decode([0, 257])
    with pytest.raises(InvalidRequestError, match="surrogate"):
        tokenizer.encode("\ud800")


def test_the_tokenizer_keeps_its_file(tmp_path: Path) -> None:
    file = GgufFile(str(make_path(tmp_path)))
    tokenizer = Tokenizer.from_gguf(file)
    del file
    assert tokenizer.decode(tokenizer.encode("abc")) == b"abc"


def make_path(folder: Path) -> Path:
    make_tokenizer(folder, **bpe_keys(["a b"]))
    return folder / "vocabulary.gguf"
