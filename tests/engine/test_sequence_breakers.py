from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.engine.sequence_breakers import SequenceBreakers


class Words:
    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts

    @property
    def n_vocab(self) -> int:
        return len(self.texts)

    def token_bytes(self, id: int) -> bytes:
        return self.texts[id]


def tokens_of(mask: np.ndarray, n: int) -> list[int]:
    assert mask.dtype == np.uint32
    assert len(mask) == -(-n // 32)
    return [token for token in range(32 * len(mask)) if mask[token // 32] >> (token % 32) & 1]


@given(
    st.lists(st.text("aé\n", max_size=4).map(str.encode), min_size=1, max_size=70),
    st.lists(st.text("aé\n", min_size=1, max_size=3), max_size=3).map(tuple),
)
def test_tokens_are_those_that_contain_a_string(texts: list[bytes], strings: tuple[str, ...]) -> None:
    expected = [i for i, text in enumerate(texts) if any(string.encode() in text for string in strings)]
    breakers = SequenceBreakers(Words(texts))
    for _ in range(2):
        assert tokens_of(breakers.mask(strings), len(texts)) == expected


def test_many_different_strings_do_not_pile_up() -> None:
    breakers = SequenceBreakers(Words([b"a", b"b"]))
    for number in range(200):
        assert tokens_of(breakers.mask((str(number), "b")), 2) == [1]
    assert len(breakers._masks) <= 32
