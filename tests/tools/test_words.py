"""Words of texts in several scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.tools.words import without_stop_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("It’s Ada's 2nd   try", ["it's", "ada's", "2nd", "try"]),
        ("Straße ＡＢＣ", ["strasse", "abc"]),
        ("我喜欢Python语言", ["我", "喜", "欢", "python", "语", "言"]),
        ("naïve café", ["naïve", "café"]),
        ("--- ... ''", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_words_of_words_are_the_same(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found


def test_stop_words_are_left_out() -> None:
    assert without_stop_words(words("The cat isn't on the mat")) == ["cat", "mat"]
    assert without_stop_words(["le", "chat"], frozenset({"le"})) == ["chat"]
