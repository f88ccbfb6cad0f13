"""Questions of banks and of notes."""

from __future__ import annotations

from pathlib import Path

import pytest
from main import FOLDER
from questions import BLANK, questions_from_notes, read_bank, statements_of, topics_of

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.retrieval import Passage

NOTES = Passage(
    "water.md",
    1,
    "# Water\n\nThe boiling point of water is 100 degrees. **Ice** floats\non water, since ice is lighter. "
    "It melts.\n\n- A molecule is a group of atoms that are bound together.\n- Atoms are small.\n",
)


def test_the_bank_that_comes_with_it_is_sound() -> None:
    bank = read_bank(FOLDER / "bank")
    assert len(bank) >= 15
    assert len({question.id for question in bank}) == len(bank)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("topic = 1", "questions"),
        ('topic = "A"\n[[questions]]\nprompt = "B?"', "either answers or points"),
        ('topic = "A"\n[[questions]]\nprompt = "B?"\nanswers = ["C"]\nchoices = ["D"]', "one of the choices"),
        ('topic = "A"\n[[questions]]\nprompt = "B?"\nanswer = ["C"]', "answer: Extra inputs"),
        ("topic =", "bank.toml"),
    ],
)
def test_a_bank_that_is_not_sound_is_an_error_that_says_where(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "bank.toml").write_text(text)
    with pytest.raises(InvalidRequestError, match=told):
        read_bank(tmp_path)


def test_notes_make_questions_of_what_is_marked_or_defined() -> None:
    made = questions_from_notes(statements_of([NOTES]), topics_of([NOTES]))
    assert [(question.prompt, question.answers[0], question.topic, question.source) for question in made] == [
        (f"{BLANK} floats on water, since {BLANK} is lighter. It melts.", "ice", "Water", "water.md:3"),
        (f"A {BLANK} is a group of atoms that are bound together.", "molecule", "Water", "water.md:6"),
    ]


def test_sentences_keep_their_lines_and_lose_bullets() -> None:
    assert [(passage.line, passage.text[:12]) for passage in statements_of([NOTES])] == [
        (3, "The boiling "),
        (3, "**Ice** floa"),
        (6, "A molecule i"),
        (7, "Atoms are sm"),
    ]
