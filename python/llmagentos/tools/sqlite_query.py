"""Questions to an SQLite database, which cannot change it."""

from __future__ import annotations

import os
from typing import Any

from llmagentos.tools.bounds import Sql
from llmagentos.tools.sqlite_reader import Rows, SqliteReader
from llmagentos.tools.tool import Tool, tool


def sqlite_tools(path: str | os.PathLike[str], *, max_rows: int = 100, timeout: float = 5.0) -> list[Tool]:
    """Tools that query the database file `path`.

    Args:
        max_rows: of an answer.
        timeout: seconds that a query may take.

    Raises:
        InvalidRequestError: the file is missing or no database, or an argument is outside its domain.
    """
    reader = SqliteReader.open(path, max_rows=max_rows, timeout=timeout)

    @tool(idempotent=True)
    def database_schema() -> str:
        """Show the tables of the database and their columns, as the SQL that made them."""
        return reader.schema() or "the database has no tables"

    @tool(idempotent=True)
    def query_database(sql: Sql) -> dict[str, Any]:
        """Answer a question from the database with an SQL query. Nothing can be changed.

        Args:
            sql: one SELECT of SQLite's dialect.
        """
        return as_answer(reader.query(sql))

    return [database_schema, query_database]


def as_answer(found: Rows) -> dict[str, Any]:
    """Rows as a tool gives them: columns, rows, and a note where there are more of them."""
    answer: dict[str, Any] = {"columns": list(found.columns), "rows": [list(row) for row in found.rows]}
    if found.is_cut:
        answer["note"] = f"only the first {len(found.rows)} rows; ask for fewer, or count them"
    return answer
