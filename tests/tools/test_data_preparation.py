"""Cleaning, repetitions, splitting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.data_preparation import clean_text, exact_duplicates, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \t b  \r\n\r\n\r\n\r\nc\u00a0d ", "a b\n\nc d"),
        ("e\u0301", "é"),
        ("a\u200bb\ufeff\u00ad", "ab"),
        ("a\x00b\x1b[1m", "ab[1m"),
        ("page\fbreak", "page\nbreak"),
        ("\ud800x", "x"),
        ("👩\u200d🚀", "👩\u200d🚀"),  # a joiner that holds an emoji together stays
        ("", ""),
    ],
)
def test_cleaning(text: str, expected: str) -> None:
    assert clean_text(text) == expected


@given(st.text())
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned


def test_repetitions_are_those_of_the_first() -> None:
    assert exact_duplicates(["One  two", "three", "one two\n", "ONE TWO", "One  two."]) == [None, None, 0, 0, None]


@given(st.lists(st.text(), max_size=50), st.integers(0, 5))
def test_every_text_goes_to_one_part(texts: list[str], seed: int) -> None:
    parts = split(texts, {"a": 0.5, "b": 0.25, "c": 0.25}, seed)
    assert sorted(number for numbers in parts.values() for number in numbers) == list(range(len(texts)))


def test_parts_have_their_shares_on_average_and_depend_on_the_seed() -> None:
    texts = [str(i) for i in range(4000)]
    parts = split(texts, {"train": 0.9, "test": 0.1, "none": 0.0})
    assert 330 <= len(parts["test"]) <= 470
    assert parts["none"] == []
    assert split(texts, {"train": 0.9, "test": 0.1}, seed=1)["test"] != parts["test"]


def test_more_texts_move_none_and_the_same_text_stays_together() -> None:
    shares = {"train": 0.5, "test": 0.5}
    few = split([str(i) for i in range(100)], shares)
    many = split([str(i % 150) for i in range(300)], shares)
    assert set(few["test"]) == {number for number in many["test"] if number < 100}
    assert {number % 150 for number in many["train"]}.isdisjoint(number % 150 for number in many["test"])


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_shares_must_add_up(shares: dict[str, float]) -> None:
    with pytest.raises(InvalidRequestError, match="add up to 1"):
        split(["text"], shares)
