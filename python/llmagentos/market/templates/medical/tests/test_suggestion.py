"""What a model may say of a description."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from intake import COMPLAINTS, read_complaint
from suggestion import EXAMPLES, Suggestion


class Model:
    """Stands in for an LLM: a word is likely where it was there before."""

    def tokenize(self, text: str, add_special: bool = True) -> list[int]:
        return [hash(word.strip(".").lower()) for word in text.split()]

    def score(self, ids: Sequence[int]) -> np.ndarray:
        return np.array([-1.0 if ids[i] in ids[:i] else -2.0 for i in range(1, len(ids))], np.float32)


@pytest.mark.parametrize(
    ("text", "suggested"),
    [("phlegm all night", "cough"), ("red bumps\n\nthat itch", "rash"), ("worry a lot, cannot sleep", None)],
)
def test_a_description_is_about_what_it_goes_with(text: str, suggested: str | None) -> None:
    assert Suggestion(Model())(text) == suggested


def test_examples_are_of_every_complaint_and_of_none_that_the_words_name() -> None:
    assert set(EXAMPLES) == set(COMPLAINTS)
    assert all(read_complaint(text) is None for texts in EXAMPLES.values() for text in texts)
