"""A study plan: what is repeated and what is new on each day until the exam, as the learner's memory stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from progress import Goal
from questions import Question
from schedule import Memory, reviewed

MINUTES_NEW, MINUTES_REVIEW = 2.0, 1.0  # that a question takes, with reading up what was wrong
MOST_MINUTES = 240  # a day, beyond which no plan is proposed
_EXPECTED_QUALITY = 4  # of answers that are yet to come


@dataclass(frozen=True, slots=True)
class Day:
    """What is done on a day."""

    day: date
    reviews: list[Question]
    new: list[Question]

    @property
    def minutes(self) -> float:
        return len(self.reviews) * MINUTES_REVIEW + len(self.new) * MINUTES_NEW

    def __str__(self) -> str:
        parts = [f"{n} new in {topic}" for topic, n in Counter(question.topic for question in self.new).items()]
        if self.reviews:
            parts.insert(0, f"{len(self.reviews)} to repeat")
        return f"{self.day:%a %d %b}  {self.minutes:>3.0f} min  {', '.join(parts) or 'free'}"


@dataclass(frozen=True, slots=True)
class Learner:
    """How a learner stands.

    Attributes:
        memories: by the questions' ids; those that were never asked have none.
        scores: of all answers, by the questions' ids, oldest first.
        spent: minutes that were studied today already.
    """

    memories: Mapping[str, Memory]
    scores: Mapping[str, Sequence[float]]
    spent: float = 0.0

    def strength(self, topic: str, questions: Sequence[Question]) -> float | None:
        """The mean of the newest scores in a topic, from 0 to 1; None where none of it was asked."""
        newest = [self.scores[q.id][-1] for q in questions if q.topic == topic and q.id in self.scores]
        return sum(newest) / len(newest) if newest else None


def study_plan(
    questions: Sequence[Question], learner: Learner, goal: Goal, today: date
) -> tuple[list[Day], list[Question]]:
    """The days from today to the one before the exam, and the questions for which there is no time.

    Repetitions go first, the longest due before others; then come new questions, those of weak topics before others.
    """
    memories = dict(learner.memories)
    ranks = {
        topic: 0.5 if (strength := learner.strength(topic, questions)) is None else strength
        for topic in dict.fromkeys(question.topic for question in questions)
    }
    waiting = sorted((q for q in questions if q.id not in memories), key=lambda question: ranks[question.topic])
    days: list[Day] = []
    for offset in range((goal.exam - today).days):
        day = today + timedelta(days=offset)
        left = goal.minutes - (learner.spent if offset == 0 else 0.0)
        due = sorted(
            (q for q in questions if q.id in memories and memories[q.id].due <= day), key=lambda q: memories[q.id].due
        )
        reviews = due[: max(0, int(left / MINUTES_REVIEW))]
        left -= len(reviews) * MINUTES_REVIEW
        n_new = max(0, int(left / MINUTES_NEW))
        new, waiting = waiting[:n_new], waiting[n_new:]
        for question in [*reviews, *new]:
            memory = memories.get(question.id, Memory(due=day))
            memories[question.id] = reviewed(memory, _EXPECTED_QUALITY, day)
        days.append(Day(day, reviews, new))
    return days, waiting


def enough_minutes(questions: Sequence[Question], learner: Learner, goal: Goal, today: date) -> int | None:
    """The minutes a day, in steps of five, with which every question is asked before the exam; None: no number is."""
    for minutes in range(5, MOST_MINUTES + 1, 5):
        if not study_plan(questions, learner, Goal(goal.exam, minutes), today)[1]:
            return minutes
    return None
