"""The coach, as a learner sees it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from distractors import LikelyDistractors
from main import FOLDER, main, tutor_for
from progress import Progress
from questions import BLANK, Question
from tutor import Tutor

from llmagentos.errors import InvalidRequestError

TODAY = date(2030, 1, 1)


class Clock:
    """Tells a day that a test sets."""

    day = TODAY

    def __call__(self) -> date:
        return self.day


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tutor(tmp_path: Path, clock: Clock) -> Tutor:
    return tutor_for(FOLDER / "bank", FOLDER / "notes", tmp_path / "study.db", today=clock)


def test_questions_about_the_notes_are_answered_with_the_place(tutor: Tutor) -> None:
    assert "movement of water through a membrane" in tutor.reply("What is osmosis?")
    assert "[cells.md:" in tutor.reply("What is osmosis?")


@pytest.mark.parametrize("text", ["Who won the world cup in 1998?", "What is a black hole?", "xyzzy"])
def test_what_the_notes_do_not_say_is_not_known(tutor: Tutor, text: str) -> None:
    assert "so I do not know" in tutor.reply(text)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Hello", "help"),
        ("quiz me", "quiz"),
        ("Quiz me on cells", "quiz cells"),
        ("quiz about heredity 2", "quiz heredity 2"),
        ("Test me!", "quiz"),
        ("How am I doing?", "progress"),
        ("what topics are there?", "topics"),
        ("Make me a plan for 3 weeks", "plan 2030-01-22 20"),
        ("make a plan for 10 days with 30 minutes a day", "plan 2030-01-11 30"),
        ("plan 3 days", "plan 2030-01-04"),
        ("I want to learn about osmosis", "What is osmosis?"),
        ("Tell me about osmosis.", "What is osmosis?"),
    ],
)
def test_commands_in_other_words(tutor: Tutor, tmp_path: Path, clock: Clock, said: str, meant: str) -> None:
    other = tutor_for(FOLDER / "bank", FOLDER / "notes", tmp_path / "other.db", today=clock)
    assert tutor.reply(said) == other.reply(meant)
    assert "so I do not know" not in other.reply(meant)


def test_not_to_know_is_no_wrong_answer_but_a_question_skipped(tutor: Tutor) -> None:
    tutor.reply("quiz heredity 1")
    assert "Not right" not in tutor.reply("I don't know")


def test_a_wrong_answer_is_corrected_and_comes_again_tomorrow(tutor: Tutor, clock: Clock) -> None:
    asked = tutor.reply("quiz heredity 1")
    assert "Which base pairs with adenine" in asked
    told = tutor.reply("guanine")
    assert "Not right: it is thymine" in told
    assert "Next time in 1 day." in told
    tutor.reply("plan 2030-01-20 5")
    clock.day += timedelta(days=1)
    assert "adenine" in tutor.reply("today")


def test_a_right_answer_after_a_hint_counts_less(tutor: Tutor) -> None:
    tutor.reply("quiz heredity 1")
    assert "thymine" in tutor.reply("hint")
    assert tutor.reply("thymine").startswith("Right.")
    assert "2.36" in f"{next(iter(tutor.progress.memories().values())).ease:.2f}"


def test_what_was_learned_outlives_the_program(tutor: Tutor, tmp_path: Path, clock: Clock) -> None:
    tutor.reply("quiz heredity 1")
    tutor.reply("thymine")
    again = tutor_for(FOLDER / "bank", FOLDER / "notes", tmp_path / "study.db", today=clock)
    assert "Heredity: 1 of" in again.reply("progress")
    assert "100% right" in again.reply("progress")


def test_plans_are_for_days_to_come(tutor: Tutor) -> None:
    assert "after today" in tutor.reply("plan 2029-12-31 20")
    assert "no day 2030-02-30" in tutor.reply("plan 2030-02-30 20")
    assert "cannot read 'soon'" in tutor.reply("plan soon")
    assert "Until the exam on 20 January 2030, 20 minutes a day" in tutor.reply("plan 2030-01-20 20")
    assert tutor.reply("plan").startswith("Until the exam on 20 January 2030")


def test_questions_are_made_from_the_notes(tutor: Tutor) -> None:
    assert f"The {BLANK} holds the DNA" in tutor.reply("quiz notes 1")
    assert "Right" in tutor.reply("the nucleus")


def test_rounds_can_be_skipped_and_stopped(tutor: Tutor) -> None:
    tutor.reply("quiz cells 3")
    assert "Next time in 1 day" in tutor.reply("skip")
    assert "finish the question first" in tutor.reply("What is osmosis?")
    assert "0 of 1 points" in tutor.reply("stop")
    assert "There is no topic 'chess'" in tutor.reply("quiz chess")


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.db").write_text("no database, but long enough to be taken for one" * 20)
    with pytest.raises(InvalidRequestError, match=r"note\.db cannot keep what is learned"):
        Progress(tmp_path / "note.db")
    with pytest.raises(SystemExit, match="nowhere is not a folder"):
        main(["--bank", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit, match="has no questions"):
        main(["--bank", str(tmp_path), "--notes", str(tmp_path)])


def test_the_state_is_one_file(tmp_path: Path) -> None:
    assert Progress(tmp_path / "a.db").memories() == {}
    assert Progress(tmp_path / "a.db").goal() is None


def test_a_model_ranks_wrong_answers_by_how_likely_they_are() -> None:
    class Model:
        def score(self, text: str) -> np.ndarray:
            return np.array([-1.0 if "meiosis" in text else -2.0], np.float32)

    question = Question(topic="A", prompt=f"{BLANK} makes two cells.", answers=("mitosis",))
    assert LikelyDistractors(Model())(question, ["light", "meiosis", "sugar"]) == ["meiosis", "light", "sugar"]
