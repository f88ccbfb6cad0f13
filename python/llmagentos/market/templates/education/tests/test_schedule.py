"""When questions come again, and the plan that follows from it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from plan import Learner, enough_minutes, study_plan
from progress import Goal
from questions import Question
from schedule import LEAST_EASE, Memory, quality_of, reviewed

TODAY = date(2030, 1, 1)
QUESTIONS = [Question(topic="A" if i < 6 else "B", prompt=f"{i}?", answers=("x",)) for i in range(12)]
NEW = Learner(memories={}, scores={})


def test_right_answers_stretch_the_interval_as_in_sm2() -> None:
    memory, intervals = Memory(due=TODAY), []
    for _ in range(4):
        memory = reviewed(memory, 4, memory.due)
        intervals.append(memory.interval)
    assert intervals == [1, 6, 15, 38]
    assert memory.due == TODAY + timedelta(days=sum(intervals))


def test_a_wrong_answer_begins_again_and_makes_it_harder() -> None:
    memory = Memory(due=TODAY, ease=2.5, interval=15, repetitions=3)
    wrong = reviewed(memory, 1, TODAY)
    assert (wrong.interval, wrong.repetitions, wrong.due) == (1, 0, TODAY + timedelta(days=1))
    assert wrong.ease < memory.ease
    for _ in range(20):
        wrong = reviewed(wrong, 0, TODAY)
    assert wrong.ease == LEAST_EASE


def test_qualities_follow_the_grade() -> None:
    assert [quality_of(1), quality_of(1, exact=False), quality_of(1, helped=True)] == [5, 4, 3]
    assert [quality_of(0.7), quality_of(0.5), quality_of(0)] == [3, 2, 1]
    with pytest.raises(ValueError, match="quality=6"):
        reviewed(Memory(due=TODAY), 6, TODAY)


def test_a_plan_asks_everything_before_the_exam_and_keeps_to_the_minutes() -> None:
    days, left = study_plan(QUESTIONS, NEW, Goal(TODAY + timedelta(days=10), 10), TODAY)
    assert left == []
    assert len(days) == 10
    assert all(day.minutes <= 10 for day in days)
    assert sorted(q.prompt for day in days for q in day.new) == sorted(q.prompt for q in QUESTIONS)
    assert days[1].reviews == days[0].new  # the first repetition is the next day


def test_what_does_not_fit_is_told_with_what_would() -> None:
    goal = Goal(TODAY + timedelta(days=2), 5)
    _, left = study_plan(QUESTIONS, NEW, goal, TODAY)
    enough = enough_minutes(QUESTIONS, NEW, goal, TODAY)
    assert left
    assert enough is not None
    assert not study_plan(QUESTIONS, NEW, Goal(goal.exam, enough), TODAY)[1]
    assert study_plan(QUESTIONS, NEW, Goal(goal.exam, enough - 5), TODAY)[1]


def test_weak_topics_come_first_and_time_spent_today_counts() -> None:
    asked = QUESTIONS[0], QUESTIONS[6]
    due = Memory(due=TODAY + timedelta(days=6), interval=6, repetitions=2)
    learner = Learner({q.id: due for q in asked}, {asked[0].id: [0.0, 1.0], asked[1].id: [1.0, 0.0]}, spent=4)
    days, _ = study_plan(QUESTIONS, learner, Goal(TODAY + timedelta(days=10), 10), TODAY)
    assert [question.topic for question in days[0].new] == ["B", "B", "B"]
