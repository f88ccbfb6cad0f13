"""What an answer is worth."""

from __future__ import annotations

import pytest
from grading import edit_distance, grade
from questions import Question

DIVISION = Question(topic="Cells", prompt="How do body cells divide?", answers=("mitosis",))
YEAR = Question(topic="History", prompt="When was it?", answers=("1931",))
CHOICE = Question(topic="Cells", prompt="Which?", answers=("a cell wall",), choices=("a nucleus", "a cell wall"))
OPEN = Question(
    topic="Plants", prompt="What does it need?", points=(("light", "sun*"), ("water",), ("carbon dioxide", "co2"))
)


@pytest.mark.parametrize(
    ("question", "answer", "score", "exact"),
    [
        (DIVISION, "Mitosis", 1, True),
        (DIVISION, "it is the mitosis.", 1, True),
        (DIVISION, "mitosys", 1, False),
        (DIVISION, "meiosis", 0, True),  # no misspelling, but the other one
        (DIVISION, "mitosis or meiosis", 0, True),
        (DIVISION, "not mitosis", 0, True),
        (DIVISION, "", 0, True),
        (YEAR, "1931", 1, True),
        (YEAR, "1932", 0, True),
        (CHOICE, "b", 1, True),
        (CHOICE, "B)", 1, True),
        (CHOICE, "cell wall", 1, True),
        (CHOICE, "a", 0, True),
        (CHOICE, "a nucleus", 0, True),
    ],
)
def test_short_answers(question: Question, answer: str, score: float, exact: bool) -> None:
    result = grade(question, answer, ["meiosis"])
    assert (result.score, result.exact) == (score, exact)


def test_answers_in_sentences_get_a_share_for_each_point_and_are_told_the_others() -> None:
    result = grade(OPEN, "Plants take sunlight and watter.")
    assert result.score == pytest.approx(2 / 3)
    assert result.missing == ("carbon dioxide",)
    assert grade(OPEN, "CO2, light, water").score == 1


@pytest.mark.parametrize(
    ("a", "b", "distance"), [("", "ab", 2), ("abc", "acb", 1), ("mitosis", "meiosis", 2), ("a", "a", 0)]
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance
