"""The queue of what people have to answer: tickets in an SQLite file, each with what was said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llmagentos.safety import RedactionGuard, Replace

_TABLES = """
CREATE TABLE IF NOT EXISTS tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, opened TEXT NOT NULL, mail TEXT, closed TEXT);
CREATE TABLE IF NOT EXISTS notes (ticket INTEGER NOT NULL REFERENCES tickets, text TEXT NOT NULL);
"""
# What has no business in a ticket, whoever wrote it into a message.
_SECRETS = RedactionGuard(["card number", "account number", "password", "token"])


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a person has to answer.

    Attributes:
        opened: date and time, in ISO form.
        mail: the address to answer to; None where the customer has not said.
        notes: why it was opened, and what the customer said, in order.
    """

    id: int
    opened: str
    mail: str | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        notes = "".join(f"\n  - {note}" for note in self.notes)
        return f"Ticket {self.id}, {self.opened}, answer to {self.mail or '(no address yet)'}{notes}"


class Tickets:
    """The tickets of a file, which is made where it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as database, database:
            yield database

    def add(self, now: datetime, mail: str | None, notes: list[str]) -> int:
        """Opens a ticket; its number."""
        with self._open() as database:
            values = (now.isoformat(" ", "minutes"), mail)
            number = database.execute("INSERT INTO tickets (opened, mail) VALUES (?, ?)", values).lastrowid
            assert number is not None  # noqa: S101 (an INSERT that did not fail has one)
            database.executemany("INSERT INTO notes VALUES (?, ?)", [(number, _kept(note)) for note in notes])
        return number

    def note(self, number: int, text: str) -> None:
        """Adds to a ticket what was said after it was opened."""
        with self._open() as database:
            database.execute("INSERT INTO notes VALUES (?, ?)", (number, _kept(text)))

    def answer_to(self, number: int, mail: str) -> None:
        """Says where a ticket is answered to."""
        with self._open() as database:
            database.execute("UPDATE tickets SET mail = ? WHERE id = ?", (mail, number))

    def close(self, number: int, now: datetime) -> bool:
        """Closes a ticket; whether it was open."""
        with self._open() as database:
            values = (now.isoformat(" ", "minutes"), number)
            return (
                database.execute("UPDATE tickets SET closed = ? WHERE id = ? AND closed IS NULL", values).rowcount == 1
            )

    def open_ones(self) -> list[Ticket]:
        """The tickets that wait for a person, oldest first."""
        with self._open() as database:
            rows = database.execute("SELECT id, opened, mail FROM tickets WHERE closed IS NULL ORDER BY id").fetchall()
            notes = database.execute("SELECT ticket, text FROM notes ORDER BY rowid").fetchall()
        return [Ticket(id, opened, mail, tuple(text for of, text in notes if of == id)) for id, opened, mail in rows]


def _kept(text: str) -> str:
    verdict = _SECRETS.check_input(text)
    return " ".join((verdict.text if isinstance(verdict, Replace) else text).split())[:1000]
