"""Chunks: within their size, in order, with nothing left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.chunking import chunk_text


def test_paragraphs_are_kept_together_where_they_fit() -> None:
    text = "One two.\n\nThree four five.\n\nSix."
    assert [chunk.text for chunk in chunk_text(text, 20)] == ["One two.", "Three four five.", "Six."]
    assert [chunk.text for chunk in chunk_text(text, 30)] == ["One two.\n\nThree four five.", "Six."]
    assert [chunk.text for chunk in chunk_text(text, 100)] == [text]


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("First one. Second one! Third?", 12, ["First one.", "Second one!", "Third?"]),
        ('She said "no." Then left.', 16, ['She said "no."', "Then left."]),
        ("第一句。第二句！", 4, ["第一句。", "第二句！"]),
        ("A line\nbreaks here. And\nhere.", 19, ["A line\nbreaks here.", "And\nhere."]),
        ("- one\n- two three", 12, ["- one", "- two three"]),
        ("one two three", 7, ["one two", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("  \n ", 3, []),
        ("", 3, []),
    ],
)
def test_where_texts_are_cut(text: str, size: int, expected: list[str]) -> None:
    assert [chunk.text for chunk in chunk_text(text, size)] == expected


def test_an_overlap_begins_with_a_word() -> None:
    chunks = chunk_text("alpha beta gamma delta epsilon", 16, 8)
    assert all(len(chunk.text) <= 16 for chunk in chunks)
    assert any(later.start < earlier.end for earlier, later in pairwise(chunks))
    assert all(chunk.text.split()[0] in ["alpha", "beta", "gamma", "delta", "epsilon"] for chunk in chunks)


@given(st.text(alphabet='ab .,\n!?。"', max_size=300), st.integers(1, 40), st.data())
def test_chunks_leave_out_only_white_space(text: str, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size // 2))
    chunks = chunk_text(text, size, overlap)
    end = 0
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert 0 < len(chunk.text) <= size
        assert text[end : chunk.start].strip() == ""  # empty where chunks overlap
        assert chunk.end > end
        end = chunk.end
    assert text[end:].strip() == ""


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 6), (10, -1)])
def test_sizes_outside_their_domain_are_errors(size: int, overlap: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"size={size}"):
        chunk_text("text", size, overlap)
