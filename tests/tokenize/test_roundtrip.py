"""What is encoded decodes to the same bytes, and long texts take time in proportion."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagentos._core.tokenize import Tokenizer

from .vocabulary_file import bpe_keys, make_tokenizer, spm_keys

MERGES = ["t h", "th e", "Ġ the", "i n", "Ġ a", "a a", "aa aa", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "e r", "1 2", "Ã ©"]
SCORES = {"▁": -9.0, "t": -9.0, "h": -9.0, "th": -1.0, "▁th": -2.0, "aa": -3.0, "a": -9.0, "é": -5.0, "▁▁": -4.0}
# Bytes that SmolLM2's vocabulary has no token for.
SMOLLM2_MISSING = bytes([4, 6, 19, 20, 22, 29, 192, 193, 241, 242, *range(245, 256)])
SPLITTINGS = [
    "default", "gpt-2", "smollm", "falcon", "llama-bpe", "qwen2", "qwen35", "seed-coder", "bailingmoe", "minicpm5",
    "tekken", "gpt-4o", "deepseek-v3", "deepseek-llm", "deepseek-coder", "bloom", "viking",
]  # fmt: skip

LIKELY = st.text(st.sampled_from(" \n\t\r'theaASTin12.,_é漢👍\u0301\u00a0"))
texts = st.one_of(st.text(), LIKELY, st.lists(st.one_of(LIKELY, st.text())).map("".join))
properties = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=SPLITTINGS)
def bpe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    keys = bpe_keys(MERGES, pre=request.param)
    return make_tokenizer(tmp_path_factory.mktemp("bpe"), **keys, add_bos_token=False)


@pytest.fixture(scope="module", params=[True, False], ids=["prefix", "no-prefix"])
def spm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return make_tokenizer(tmp_path_factory.mktemp("spm"), **spm_keys(SCORES), add_space_prefix=request.param)


@properties
@given(text=texts)
def test_bpe_gives_back_text(bpe: Tokenizer, text: str) -> None:
    assert bpe.decode(bpe.encode(text)) == text.encode()


@properties
@given(data=st.binary())
def test_bpe_gives_back_bytes_that_are_not_utf8(bpe: Tokenizer, data: bytes) -> None:
    ids = bpe.encode(data)
    assert bpe.decode(ids) == data
    assert b"".join(bpe.token_bytes(i) for i in ids) == data


@properties
@given(data=st.one_of(st.binary(), texts.map(str.encode)))
def test_spm_gives_back_bytes(spm: Tokenizer, data: bytes) -> None:
    if "▁".encode() in data:  # written out, it cannot be told from a space
        data = data.replace("▁".encode(), b" ")
    assert spm.decode(spm.encode(data, parse_special=False), skip_special=True) == data
    assert spm.decode(spm.encode(data, parse_special=False)) == b"<s>" + data


@pytest.mark.model
@properties
@given(data=st.one_of(st.binary(), texts.map(str.encode)))
def test_smollm2_gives_back_all_bytes_it_knows(smollm2: Tokenizer, data: bytes) -> None:
    known = data.translate(None, delete=SMOLLM2_MISSING)
    assert smollm2.decode(smollm2.encode(data)) == known


@pytest.mark.model
@properties
@given(data=st.one_of(st.binary(), texts.map(str.encode)))
def test_gemma_gives_back_bytes(gemma3: Tokenizer, data: bytes) -> None:
    ids = gemma3.encode(data.replace("▁".encode(), b""))
    assert ids[0] == gemma3.bos_id
    assert gemma3.decode(ids[1:]) == data.replace("▁".encode(), b"")


LONG = [character * 200_000 for character in ("a", " ", "\n", "A", "é", "7", ".", "漢", "\u0301")]
LONG += [" " * 200_000 + "x", "a\n" * 100_000, "aA" * 100_000, " \n" * 100_000 + "x", "'" * 200_000]


@pytest.mark.parametrize("text", LONG, ids=lambda text: f"{text[:2]!a}-{text[-1]!a}")
def test_long_runs_finish(bpe: Tokenizer, text: str) -> None:
    assert bpe.decode(bpe.encode(text)) == text.encode()


def test_long_spm_runs_finish(spm: Tokenizer) -> None:
    for text in LONG:
        assert spm.decode(spm.encode(text), skip_special=True) == text.encode()


def test_overlapping_special_tokens_in_long_text_finish(tmp_path: Path) -> None:
    types = {"\n" * n: 4 for n in range(2, 32)}
    tokenizer = make_tokenizer(tmp_path, **bpe_keys(["a b"], types))
    ids = tokenizer.encode("\n" * 200_000)
    assert len(ids) == 200_000 // 31 + 1
    assert tokenizer.decode(ids) == b"\n" * 200_000
