"""SQL that can only read, in bounded time and memory.

Three fences, each of which would do alone: the file is opened read-only, SQLite is told to refuse writes, and the
authorizer, which SQLite asks about each thing that a statement does when it is prepared, allows reading only.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from llmagentos.errors import InvalidRequestError, ToolError

Cell: TypeAlias = "str | int | float | None"
_Result = TypeVar("_Result")

MAX_SQL = 10_000  # characters of a query
MAX_CELL = 1000  # characters of a value in an answer
_MAX_VALUE = 1 << 20  # bytes of any value that a query makes on its way
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
# Those that reach files or code, and those that can compute for minutes in one step, which no clock interrupts.
_DENIED_FUNCTIONS = ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "printf", "format")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query found.

    Attributes:
        is_cut: whether there are more rows than these.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    is_cut: bool


class SqliteReader:
    """Queries of one database. Safe to use from several threads, one query at a time.

    Args:
        connection: to the database; opened with check_same_thread=False, and used by nothing else from now on.
        max_rows: of an answer.
        timeout: seconds that a query may take.
    """

    def __init__(self, connection: sqlite3.Connection, *, max_rows: int = 100, timeout: float = 5.0) -> None:
        if max_rows < 1 or timeout <= 0:
            raise InvalidRequestError(f"max_rows={max_rows} and timeout={timeout} must be positive")
        self._connection, self._max_rows, self._timeout = connection, max_rows, timeout
        self._lock = threading.Lock()
        self._deadline = 0.0
        # A database's own views and triggers are as foreign as the query.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = FILE")  # what a query gathers on its way is bounded by time only
        if sys.version_info >= (3, 11):  # before, values are bounded by SQLite's own 1,000,000,000 bytes
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000)
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(lambda: time.monotonic() > self._deadline, _STEPS)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, max_rows: int = 100, timeout: float = 5.0) -> SqliteReader:
        """A reader of a database file.

        Raises:
            InvalidRequestError: the file is missing or no database.
        """
        file = Path(path).absolute()
        try:
            if file.exists() and not file.is_file():  # a pipe, whose writer would be waited for
                raise sqlite3.OperationalError("it is no file")
            connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, check_same_thread=False)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return cls(connection, max_rows=max_rows, timeout=timeout)
        except sqlite3.Error as error:
            raise InvalidRequestError(f"{str(path)!r} cannot be read as an SQLite database: {error}") from None

    def schema(self) -> str:
        """The statements that made the tables and views, one below the other.

        Raises:
            ToolError: the database cannot be read.
        """
        where = "type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        found = self._run(f"SELECT sql FROM sqlite_master WHERE {where} ORDER BY name", lambda c: c.fetchall())  # noqa: S608
        return "\n".join(f"{sql};" for (sql,) in found)

    def query(self, sql: str) -> Rows:
        """The first rows of a query's answer. Blobs are told by their size, and long texts are cut, with a note of it.

        Raises:
            ToolError: it is not one reading statement, has a fault, or takes too long.
        """
        if len(sql) > MAX_SQL:
            raise ToolError(f"the query has {len(sql):,} characters, and at most {MAX_SQL:,} are allowed")
        return self._run(sql, self._rows)

    def _rows(self, cursor: sqlite3.Cursor) -> Rows:
        if cursor.description is None:
            raise ToolError("that is no query: write a SELECT")
        rows = [tuple(map(_cell, row)) for row in islice(cursor, self._max_rows)]
        return Rows(tuple(column[0] for column in cursor.description), rows, cursor.fetchone() is not None)

    def _run(self, sql: str, read: Callable[[sqlite3.Cursor], _Result]) -> _Result:
        with self._lock:
            self._deadline = time.monotonic() + self._timeout
            cursor = self._connection.cursor()
            try:
                return read(cursor.execute(sql))
            except sqlite3.OperationalError as error:
                if str(error) == "interrupted":
                    raise ToolError(f"the query takes more than {self._timeout:g} seconds") from None
                raise ToolError(f"the query has a fault: {error}") from None
            except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
                raise ToolError(_reason(error)) from None
            except MemoryError:
                raise ToolError("the query needs too much memory") from None
            finally:
                cursor.close()

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()


def _authorize(action: int, _first: str | None, second: str | None, _database: str | None, _by: str | None) -> int:
    if action in _ALLOWED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _DENIED_FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _reason(error: Exception) -> str:
    if "not authorized" in str(error) or "prohibited" in str(error):
        return "only reading is allowed: write one SELECT over the tables"
    return f"the query cannot be run: {error}"


def _cell(value: object) -> Cell:
    if isinstance(value, bytes):
        return f"[{len(value):,} bytes]"
    if isinstance(value, str) and len(value) > MAX_CELL:
        return f"{value[:MAX_CELL]} [{len(value) - MAX_CELL:,} characters more]"
    return cast("Cell", value)
