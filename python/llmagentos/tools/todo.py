"""A to-do list in an SQLite file: every change is one transaction, whoever else has the list open."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date

from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.tools.bounds import Day, Id, Line
from llmagentos.tools.date_time import parse_date
from llmagentos.tools.tool import Tool, tool

MAX_TEXT = 1000  # characters of an entry
_TABLE = """CREATE TABLE IF NOT EXISTS todo (
    id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, due TEXT, done INTEGER NOT NULL DEFAULT 0)"""


@dataclass(frozen=True, slots=True)
class Todo:
    """Something to do.

    Attributes:
        id: what it is known by; never used again for another.
        due: the day by which it is to be done; None where there is none.
    """

    id: int
    text: str
    due: date | None
    done: bool

    def __str__(self) -> str:
        due = f", due {self.due}" if self.due is not None else ""
        return f"{self.id}. [{'x' if self.done else ' '}] {self.text}{due}"


class TodoList:
    """What is to do, kept in a file that is made when it is first used.

    Raises:
        InvalidRequestError: the file is there and is no such list, or cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        with self._open() as connection:
            try:
                connection.execute(_TABLE)
                connection.execute("SELECT id, text, due, done FROM todo LIMIT 1")
            except sqlite3.DatabaseError as error:
                raise InvalidRequestError(f"{self._path} is no to-do list: {error}") from None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path)
        except sqlite3.Error as error:
            raise InvalidRequestError(f"the to-do list {self._path} cannot be opened: {error}") from None
        with closing(connection), connection:
            yield connection

    def add(self, text: str, due: date | None = None) -> Todo:
        """Adds an entry.

        Raises:
            ToolError: the text is empty or too long.
        """
        text = " ".join(text.split())
        if not text or len(text) > MAX_TEXT:
            raise ToolError(f"the text of an entry must have 1 to {MAX_TEXT} characters, not {len(text)}")
        with self._open() as connection:
            values = (text, due and due.isoformat())
            number = connection.execute("INSERT INTO todo (text, due) VALUES (?, ?)", values).lastrowid
        assert number is not None  # noqa: S101 (an INSERT that did not fail has one)
        return Todo(number, text, due, False)

    def entries(self, *, with_done: bool = False) -> list[Todo]:
        """The entries, those that are due first in front, and those without a day last."""
        where = "" if with_done else "WHERE NOT done "
        with self._open() as connection:
            rows = connection.execute(f"SELECT id, text, due, done FROM todo {where}ORDER BY due IS NULL, due, id")  # noqa: S608
            return [
                Todo(id, text, date.fromisoformat(due) if due else None, bool(done)) for id, text, due, done in rows
            ]

    def complete(self, id: int) -> None:
        """Marks an entry as done.

        Raises:
            ToolError: there is none with that number.
        """
        self._change("UPDATE todo SET done = 1 WHERE id = ?", id)

    def remove(self, id: int) -> None:
        """Removes an entry.

        Raises:
            ToolError: there is none with that number.
        """
        self._change("DELETE FROM todo WHERE id = ?", id)

    def _change(self, statement: str, id: int) -> None:
        with self._open() as connection:
            # Numbers beyond SQLite's belong to no entry either.
            if abs(id) >= 1 << 63 or connection.execute(statement, (id,)).rowcount == 0:
                raise ToolError(f"there is no entry with the number {shown(id)}")


def todo_tools(path: str | os.PathLike[str]) -> list[Tool]:
    """Tools that keep the to-do list in the SQLite file `path`, which is made where it is missing.

    Raises:
        InvalidRequestError: the file is something else, or cannot be opened.
    """
    todos = TodoList(path)

    @tool
    def add_todo(text: Line, due: Day | None = None) -> str:
        """Add an entry to the to-do list.

        Args:
            text: what is to be done.
            due: the day by which, as 2024-12-31.
        """
        return f"added: {todos.add(text, parse_date(due) if due else None)}"

    @tool(idempotent=True)
    def list_todos(with_done: bool = False) -> str:
        """List what is to do, with the numbers of the entries.

        Args:
            with_done: list what has been done as well.
        """
        return "\n".join(map(str, todos.entries(with_done=with_done))) or "there is nothing to do"

    @tool(idempotent=True)
    def complete_todo(id: Id) -> str:
        """Mark an entry of the to-do list as done.

        Args:
            id: the number of the entry.
        """
        todos.complete(id)
        return f"done: {id}"

    @tool
    def remove_todo(id: Id) -> str:
        """Remove an entry from the to-do list.

        Args:
            id: the number of the entry.
        """
        todos.remove(id)
        return f"removed: {id}"

    return [add_todo, list_todos, complete_todo, remove_todo]
