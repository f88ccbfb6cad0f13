"""Grading answers by rules: the same answer always gets the same grade, and the grade says why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from questions import Question

from llmagentos.tools.words import words

# Words around an answer that say nothing for or against it.
_FILLERS = frozenset("a an the it is its it's they are was were that this called i think of".split())  # noqa: SIM905
_TYPO_LENGTHS = (5, 10)  # letters from which on one letter, and two, may be wrong


@dataclass(frozen=True, slots=True)
class Grade:
    """How right an answer is.

    Attributes:
        score: from 0 to 1.
        exact: whether it is right to the letter.
        missing: points that it does not mention.
    """

    score: float
    exact: bool = True
    missing: tuple[str, ...] = ()


def grade(question: Question, answer: str, other_terms: Collection[str] = ()) -> Grade:
    """Grades an answer.

    Args:
        other_terms: answers of other questions; one of these is no misspelling of the right one.
    """
    if question.points:
        return _points_grade(question, answer)
    given = _chosen(question, answer) if question.choices else answer
    core = " ".join(word for word in words(given) if word not in _FILLERS)
    wanted = [" ".join(word for word in words(right) if word not in _FILLERS) for right in question.answers]
    if core and core in wanted:
        return Grade(1.0)
    if core in {" ".join(words(term)) for term in other_terms}:
        return Grade(0.0)
    if not question.choices and any(_misspelled(core, right) for right in wanted):
        return Grade(1.0, exact=False)
    return Grade(0.0)


def _chosen(question: Question, answer: str) -> str:
    """The choice that an answer names by its letter; else the answer."""
    letter = answer.strip().rstrip(".)").upper()
    number = ord(letter) - ord("A") if len(letter) == 1 else -1
    return question.choices[number] if 0 <= number < len(question.choices) else answer


def _points_grade(question: Question, answer: str) -> Grade:
    given = words(answer)
    missing = [point[0].rstrip("*") for point in question.points if not any(_mentions(given, alt) for alt in point)]
    return Grade(1 - len(missing) / len(question.points), missing=tuple(missing))


def _mentions(given: list[str], phrase: str) -> bool:
    """Whether all words of a phrase are there; one that ends in "*" by its beginning, others maybe misspelled."""

    def said(part: str) -> bool:
        if part.endswith("*"):
            return any(word.startswith(part[:-1]) for word in given)
        return any(word == part or _misspelled(word, part) for word in given)

    return all(said(part) for part in phrase.casefold().split())


def _misspelled(given: str, right: str) -> bool:
    """Whether it is nearly the same word. Digits and short words must be as they are."""
    if any(character.isdigit() for character in given + right):
        return given == right
    allowed = sum(len(right) >= length for length in _TYPO_LENGTHS)
    return abs(len(given) - len(right)) <= allowed and edit_distance(given, right) <= allowed


def edit_distance(a: str, b: str) -> int:
    """Letters to insert, delete, change, or swap with the next one (optimal string alignment)."""
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (letter != other)))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                row[j] = min(row[j], before[j - 2] + 1)
        before, previous = previous, row
    return previous[-1]
