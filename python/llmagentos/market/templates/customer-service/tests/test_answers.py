"""The knowledge base: what it answers, and what it leaves to people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from answers import Found, Knowledge, read_entries
from main import FOLDER
from questions import QUESTIONS


class Reader:
    """Stands in for a model: finds the question likelier after a text with a word, by so much a token."""

    def __init__(self, word: str, gain: float) -> None:
        self._word, self._gain = word, gain

    def tokenize(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]:
        return list(text.encode())

    def score(self, text: Sequence[int]) -> np.ndarray:
        read = bytes(text).decode()
        return np.full(len(text) - 1, -3.0 + (self._gain if self._word in read else 0.0), np.float32)


def outcomes(knowledge: Knowledge) -> tuple[int, int, int]:
    """How many questions are answered rightly, answered wrongly, and have the right entry among those offered."""
    counts = [0, 0, 0]
    for question, heading in QUESTIONS:
        found = knowledge.find(question)
        if found.answer is not None:
            counts[not (heading and found.answer.heading.startswith(heading))] += 1
        elif heading is not None:
            counts[2] += any(entry.heading.startswith(heading) for entry in found.maybe)
    return counts[0], counts[1], counts[2]


def test_most_questions_are_answered_and_few_wrongly_by_words_alone() -> None:
    right, wrong, offered = outcomes(Knowledge(read_entries(FOLDER)))
    assert right >= 45, (right, wrong, offered)
    assert wrong <= 1, (right, wrong, offered)
    assert right + offered >= 63, (right, wrong, offered)


def test_a_model_tells_entries_apart_that_share_words() -> None:
    chosen = Knowledge(read_entries(FOLDER), Reader("we ask the carrier", 2.0)).find("a parcel, how long?").answer
    assert chosen is not None
    assert chosen.heading.startswith("My parcel is late")


def test_a_question_that_no_entry_makes_likelier_is_passed_on() -> None:
    assert Knowledge(read_entries(FOLDER), Reader("help page", -2.0)).find("Is your pan a bargain?") == Found(None)


def test_an_entry_says_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "bread.md").write_text("# Bread\n\n## How hot?\nAlso: oven\n230 degrees,\nno less.\n", encoding="utf-8")
    (entry,) = read_entries(tmp_path)
    assert (entry.text, entry.also, entry.source, entry.line) == ("230 degrees, no less.", "oven", "bread.md", 3)
    assert Knowledge([entry]).find("What should the oven be?").answer == entry


@pytest.mark.parametrize("content", ["# Bread\n", "# Bread\n\n## How hot?\nAlso: oven\n"])
def test_a_folder_without_answers_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "bread.md").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bread\.md|has no entries"):
        read_entries(tmp_path)
