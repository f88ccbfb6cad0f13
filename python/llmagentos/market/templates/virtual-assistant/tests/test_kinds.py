"""What a sentence is taken for that no rule reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from kinds import kind_of


class Reader:
    """Stands in for an LLM: finds a sentence likelier after a text with a word."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.n_read = 0

    def tokenize(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        return list(text.encode())

    def score(self, text: Sequence[int]) -> np.ndarray:
        self.n_read += 1
        return np.full(len(text) - 1, -1.0 if self.word in bytes(text).decode() else -2.0, np.float32)


def test_a_sentence_is_what_the_list_holds_that_makes_it_likeliest() -> None:
    assert kind_of("The boiler is from 1998", Reader("Facts")) == "note"
    assert kind_of("The boiler is from 1998", Reader("to-do")) == "task"
    assert kind_of("Tell me a story", Reader("Questions")) == "question"


def test_a_question_mark_says_enough() -> None:
    reader = Reader("Facts")
    assert kind_of("The boiler is from 1998?", reader) == "question"
    assert reader.n_read == 0


def test_without_a_model_the_form_decides() -> None:
    assert kind_of("who was that", None) == "question"
    assert kind_of("The boiler is from 1998", None) == "task"
