"""CSV and JSON files as tables that SQL can query."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llmagentos.errors import ToolError, shown
from llmagentos.tools.bounds import Path, Sql
from llmagentos.tools.rooted import Root
from llmagentos.tools.sqlite_query import as_answer
from llmagentos.tools.sqlite_reader import SqliteReader
from llmagentos.tools.tool import Tool, tool

MAX_BYTES = 64 << 20  # of a file that is read as a table
MAX_COLUMNS = 500
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def read_table(name: str, text: str) -> list[dict[str, Any]]:
    """The rows of a table, by their columns; the ending of its name says what it is.

    `.csv` and `.tsv` have their columns' names in the first line, and their values become numbers where all of a column
    are; `.json` is a list of objects, `.jsonl` an object a line.

    Raises:
        ToolError: another ending, or a fault; says in which line or row.
    """
    ending = os.path.splitext(name)[1].lower()
    if ending in _DELIMITERS:
        return _typed(list(_csv_rows(name, text, _DELIMITERS[ending])))
    if ending == ".json":
        values = _json(name, text, "")
        if not isinstance(values, list):
            raise ToolError(f"{shown(name)} must hold a list of objects, not {type(values).__name__}")
        return _objects(name, values)
    if ending in (".jsonl", ".ndjson"):
        lines = ((i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip())
        return _objects(name, [_json(name, line, f" in line {i}") for i, line in lines])
    raise ToolError(f"{shown(name)} is no table; tables end in .csv, .tsv, .json or .jsonl")


def _csv_rows(name: str, text: str, delimiter: str) -> Iterator[dict[str, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = next(reader, None)
        if columns is None:
            raise ToolError(f"{shown(name)} is empty")
        if len(set(columns)) < len(columns):
            twice = next(column for column in columns if columns.count(column) > 1)
            raise ToolError(f"{shown(name)} has the column {shown(twice)} twice")
        for row in reader:
            if row and len(row) != len(columns):
                line = reader.line_num
                raise ToolError(f"{shown(name)} has {len(row)} values in line {line}, and {len(columns)} columns")
            if row:
                yield dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise ToolError(f"{shown(name)} is not well formed in line {reader.line_num}: {error}") from None


def _typed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Columns whose values are all integers, or all numbers, become those; empty values of these are missing."""
    for column in rows[0] if rows else ():
        values = [row[column].strip() for row in rows]
        for kind in (int, float):
            numbers = [_number(value, kind) for value in values if value]
            if numbers and None not in numbers:
                rest = iter(numbers)
                for row, value in zip(rows, values, strict=True):
                    row[column] = next(rest) if value else None
                break
    return rows


def _number(text: str, kind: type[int | float]) -> int | float | None:
    if text.lstrip("+-")[:1] == "0" and text.lstrip("+-")[1:2].isdigit():
        return None  # a postal code or a number of an article: its zero is part of it
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if "_" not in text and -(1 << 63) <= value < 1 << 63 else None


def _json(name: str, text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"{shown(name)} is not JSON{where}: {error}") from None


def _objects(name: str, values: Sequence[object]) -> list[dict[str, Any]]:
    for i, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise ToolError(f"{shown(name)} has {shown(value)} as item {i}, where an object belongs")
    columns = dict.fromkeys(key for value in values if isinstance(value, dict) for key in value)
    return [{column: value.get(column) for column in columns} for value in values if isinstance(value, dict)]


def as_database(rows: Sequence[Mapping[str, Any]]) -> sqlite3.Connection:
    """A database in memory with the rows as its table `data`; lists and objects become JSON text.

    Raises:
        ToolError: no columns or too many, or two that differ in case only.
    """
    columns = list(rows[0]) if rows else []
    if not 1 <= len(columns) <= MAX_COLUMNS:
        raise ToolError(f"a table needs rows and 1 to {MAX_COLUMNS} columns; this one has {len(columns)} columns")
    names = ['"' + column.replace('"', '""').replace("\0", "") + '"' for column in columns]
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        connection.execute(f"CREATE TABLE data ({', '.join(names)})")
        places = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO data VALUES ({places})", _stored(rows))  # noqa: S608 (places are ?)
        connection.commit()
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        connection.close()
        raise ToolError(f"the table cannot be used: {error}") from None
    return connection


def _stored(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [json.dumps(v, ensure_ascii=False) if isinstance(v, (list, dict)) else v for v in row.values()]


def table_tools(root: str | os.PathLike[str], *, max_rows: int = 100, timeout: float = 5.0) -> list[Tool]:
    """Tools that look at the tables below the folder `root`: .csv, .tsv, .json and .jsonl files.

    Args:
        max_rows: of an answer.
        timeout: seconds that a query may take.

    Raises:
        InvalidRequestError: `root` is no folder.
    """
    folder = Root(root)

    def rows_of(path: str) -> list[dict[str, Any]]:
        return read_table(path, folder.read_text(path, MAX_BYTES))

    @tool(idempotent=True)
    def describe_table(path: Path) -> dict[str, Any]:
        """Show a table's columns, how many rows it has, and its first three rows.

        Args:
            path: a .csv, .tsv, .json or .jsonl file.
        """
        rows = rows_of(path)
        return {"columns": list(rows[0]) if rows else [], "n_rows": len(rows), "first_rows": rows[:3]}

    @tool(idempotent=True)
    def query_table(path: Path, sql: Sql) -> dict[str, Any]:
        """Answer a question from a table file with an SQL query: filter, sort, count, sum, group.

        Args:
            path: a .csv, .tsv, .json or .jsonl file.
            sql: one SELECT of SQLite's dialect over the table `data`, such as "SELECT count(*) FROM data".
        """
        reader = SqliteReader(as_database(rows_of(path)), max_rows=max_rows, timeout=timeout)
        try:
            return as_answer(reader.query(sql))
        finally:
            reader.close()

    return [describe_table, query_table]
