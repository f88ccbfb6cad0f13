"""What was learned, in an SQLite file: each answer is one transaction, so nothing is lost when the program stops."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schedule import Memory

from llmagentos.errors import InvalidRequestError

_TABLES = """
CREATE TABLE IF NOT EXISTS memories (
    question TEXT PRIMARY KEY, due TEXT NOT NULL, ease REAL NOT NULL, interval INTEGER NOT NULL,
    repetitions INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY, question TEXT NOT NULL, day TEXT NOT NULL, answer TEXT NOT NULL, score REAL NOT NULL)
    STRICT;
CREATE TABLE IF NOT EXISTS goals (
    only INTEGER PRIMARY KEY CHECK (only = 1), exam TEXT NOT NULL, minutes INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is studied for.

    Attributes:
        exam: the day on which everything should be known.
        minutes: of study a day.
    """

    exam: date
    minutes: int


class Progress:
    """The state of a learner. Connections are opened for each use, so several processes may share the file.

    Raises:
        InvalidRequestError: the file cannot be written, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with closing(self._open()) as connection:
                connection.executescript(_TABLES)
        except sqlite3.Error as error:
            raise InvalidRequestError(f"{path} cannot keep what is learned: {error}") from None

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10)

    def memories(self) -> dict[str, Memory]:
        """The memory of each question that was answered, by its id."""
        with closing(self._open()) as connection:
            rows = connection.execute("SELECT question, due, ease, interval, repetitions FROM memories").fetchall()
        return {row[0]: Memory(date.fromisoformat(row[1]), *row[2:]) for row in rows}

    def record(self, question: str, day: date, answer: str, score: float, memory: Memory) -> None:
        """Writes an answer and what the memory is after it."""
        with closing(self._open()) as connection, connection:
            connection.execute(
                "INSERT INTO answers (question, day, answer, score) VALUES (?, ?, ?, ?)",
                (question, day.isoformat(), answer, score),
            )
            connection.execute(
                "INSERT OR REPLACE INTO memories VALUES (?, ?, ?, ?, ?)",
                (question, memory.due.isoformat(), memory.ease, memory.interval, memory.repetitions),
            )

    def scores(self) -> dict[str, list[float]]:
        """The scores of all answers to each question, oldest first."""
        found: dict[str, list[float]] = {}
        with closing(self._open()) as connection:
            for question, score in connection.execute("SELECT question, score FROM answers ORDER BY number"):
                found.setdefault(question, []).append(score)
        return found

    def answered_on(self, day: date) -> int:
        """How many questions were answered on a day."""
        with closing(self._open()) as connection:
            (number,) = connection.execute("SELECT count(*) FROM answers WHERE day = ?", (day.isoformat(),)).fetchone()
        return int(number)

    def goal(self) -> Goal | None:
        """What is studied for, once it was said."""
        with closing(self._open()) as connection:
            row = connection.execute("SELECT exam, minutes FROM goals").fetchone()
        return Goal(date.fromisoformat(row[0]), row[1]) if row else None

    def set_goal(self, goal: Goal) -> None:
        """Replaces what is studied for."""
        with closing(self._open()) as connection, connection:
            connection.execute("INSERT OR REPLACE INTO goals VALUES (1, ?, ?)", (goal.exam.isoformat(), goal.minutes))
