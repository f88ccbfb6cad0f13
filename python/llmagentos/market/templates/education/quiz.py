"""A round of questions: which one is asked, what was answered, and what that means for the next time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from grading import Grade, grade
from progress import Progress
from questions import Question
from schedule import Memory, quality_of, reviewed

Distractors = Callable[[Question, Sequence[str]], Sequence[str]]
"""Chooses wrong answers that might be taken for right ones, out of a list of terms, the likeliest first."""


@dataclass
class Quiz:
    """A round of questions.

    Attributes:
        terms: answers of all questions, out of which hints are made, and their topics.
    """

    questions: list[Question]
    progress: Progress
    terms: Mapping[str, str]
    distractors: Distractors
    asked: int = 0
    helped: bool = False
    grades: list[tuple[Question, Grade]] = field(default_factory=list)

    @property
    def current(self) -> Question | None:
        """The question that is to be answered; None at the end."""
        return self.questions[self.asked] if self.asked < len(self.questions) else None

    def shown(self) -> str:
        """The current question."""
        question = self._current()
        lines = [f"Question {self.asked + 1} of {len(self.questions)} ({question.topic}): {question.prompt}"]
        lines += [f"  {chr(65 + i)}) {choice}" for i, choice in enumerate(question.choices)]
        if question.points:
            lines.append(f"  (in a sentence or two; {len(question.points)} points count)")
        return "\n".join(lines)

    def answer(self, text: str, today: date) -> str:
        """Grades an answer, writes it down, and goes on to the next question."""
        question = self._current()
        result = grade(question, text, [term for term in self.terms if term not in question.answers])
        return self._settle(text, result, quality_of(result.score, exact=result.exact, helped=self.helped), today)

    def skip(self, today: date) -> str:
        """Goes on without an answer, which counts as not known."""
        return self._settle("", Grade(0.0), 0, today)

    def hint(self) -> str:
        """Something that helps; a right answer then counts less."""
        question = self._current()
        self.helped = True
        if question.points:
            first = question.points[0][0].rstrip("*")
            return f"One of the {len(question.points)} points begins with {first[:3]!r}."
        if question.choices:
            wrong = next(choice for choice in reversed(question.choices) if choice != question.answers[0])
            return f"It is not {wrong}."
        options = sorted([question.answers[0], *self._wrong_answers(question)[:2]], key=str.casefold)
        return f"It is one of: {', '.join(options)}."

    def _wrong_answers(self, question: Question) -> Sequence[str]:
        """Answers to other questions, of the same topic if there are enough; numbers for a number, words for words."""
        own = {form.casefold() for form in question.answers}
        is_number = question.answers[0].isdigit()
        fit = {
            term: topic
            for term, topic in self.terms.items()
            if term.casefold() not in own and term.isdigit() == is_number
        }
        near = [term for term, topic in fit.items() if topic == question.topic]
        return self.distractors(question, near if len(near) >= 2 else list(fit))

    def summary(self) -> str:
        """What the round came to."""
        if not self.grades:
            return "No question was answered."
        points = sum(result.score for _, result in self.grades)
        lines = [f"{points:g} of {len(self.grades)} points."]
        if wrong := [question for question, result in self.grades if result.score < 1]:
            lines.append("Look again at:")
            lines += [f"- {question.prompt} {question.shown_answer} [{question.source}]" for question in wrong]
        return "\n".join(lines)

    def _settle(self, text: str, result: Grade, quality: int, today: date) -> str:
        question = self._current()
        memory = self.progress.memories().get(question.id, Memory(due=today))
        memory = reviewed(memory, quality, today)
        self.progress.record(question.id, today, text, result.score, memory)
        self.grades.append((question, result))
        self.asked, self.helped = self.asked + 1, False
        days = memory.interval
        told = _feedback(question, result) if text else _told(question)
        return f"{told} Next time in {days} day{'s' if days != 1 else ''}."

    def _current(self) -> Question:
        if self.current is None:
            raise IndexError("the round is over")
        return self.current


def _told(question: Question) -> str:
    """The answer to a question that was skipped."""
    because = f" {question.explanation}" if question.explanation else ""
    return because.strip() if because and question.points else f"It is {question.answers[0]}.{because}"


def _feedback(question: Question, result: Grade) -> str:
    because = f" {question.explanation}" if question.explanation else ""
    if result.score == 1:
        if not result.exact:
            return f"Right, but it is spelled {question.answers[0]}."
        return f"Right.{because if question.points else ''}"
    if result.missing and result.score > 0:
        n_points = len(question.points)
        said = n_points - len(result.missing)
        return f"Partly: {said} of {n_points} points. Missing: {', '.join(result.missing)}.{because}"
    if question.points:
        return f"Not yet.{because}"
    return f"Not right: it is {question.answers[0]}.{because}"
