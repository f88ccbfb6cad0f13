"""Near duplicates: what is found is what comparing each with each finds."""

from __future__ import annotations

import random

import pytest

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.near_duplicates import near_duplicates


def sentence(chooser: random.Random, length: int = 40) -> list[str]:
    return [f"word{chooser.randrange(5000)}" for _ in range(length)]


def test_texts_that_differ_in_a_word_are_found_and_others_are_not() -> None:
    chooser = random.Random(1)
    originals = [sentence(chooser) for _ in range(50)]
    changed = [[*words[:-1], "other"] for words in originals]
    unrelated = [sentence(chooser) for _ in range(50)]
    texts = [" ".join(words) for words in [*originals, *changed, *unrelated]]
    assert near_duplicates(texts) == [*[None] * 50, *range(50), *[None] * 50]


def test_similarity_is_exact() -> None:
    # Four runs of three words each, of which three are shared: 3 / 5.
    base, other = "a b c d e f", "a b c d e x"
    assert near_duplicates([base, other], 0.7) == [None, None]
    assert near_duplicates([base, base.upper() + "!"], 1.0) == [None, 0]
    # 17 of 19.
    long = [str(i) for i in range(20)]
    texts = [" ".join(long), " ".join([*long[:-1], "x"])]
    assert near_duplicates(texts, 17 / 19) == [None, 0]
    assert near_duplicates(texts, 17 / 19 + 1e-6) == [None, None]


def test_short_and_empty_texts_are_compared_as_a_whole() -> None:
    assert near_duplicates(["yes", "no", "Yes!", "", "..."]) == [None, None, 0, None, 3]


@pytest.mark.parametrize("similarity", [0.5, 1.1])
def test_similarities_outside_their_domain_are_errors(similarity: float) -> None:
    with pytest.raises(InvalidRequestError, match=f"similarity={similarity}"):
        near_duplicates([], similarity)
