"""SQL that cannot change anything, nor take the machine."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.sqlite_query import sqlite_tools
from llmagentos.tools.sqlite_reader import SqliteReader


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop #1?.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL, photo BLOB);"
            "INSERT INTO orders VALUES (1, 'Ada', 9.5, x'0102'), (2, 'Bob', 20, NULL), (3, 'Ada', 0.5, NULL);"
            "CREATE VIEW large AS SELECT * FROM orders WHERE total > 5;"
        )
    connection.close()
    return path


def ask(path: Path, sql: str, **options: Any) -> dict[str, Any]:
    tools = {tool.name: tool for tool in sqlite_tools(path, **options)}
    answer: dict[str, Any] = tools["query_database"](sql=sql)
    return answer


def test_questions_are_answered(database: Path) -> None:
    sql = "WITH sums AS (SELECT customer, sum(total) AS s FROM orders GROUP BY customer) SELECT * FROM sums ORDER BY s"
    assert ask(database, sql) == {"columns": ["customer", "s"], "rows": [["Ada", 10.0], ["Bob", 20.0]]}
    assert ask(database, "SELECT id FROM large ORDER BY id;")["rows"] == [[1], [2]]
    assert ask(database, "SELECT photo, upper(customer) FROM orders WHERE id = 1")["rows"] == [["[2 bytes]", "ADA"]]


def test_the_schema_is_shown(database: Path) -> None:
    (schema, _) = sqlite_tools(database)
    assert "CREATE TABLE orders (id INTEGER PRIMARY KEY" in schema()
    assert "CREATE VIEW large" in schema()


def test_more_rows_than_the_limit_are_told(database: Path) -> None:
    answer = ask(database, "SELECT id FROM orders ORDER BY id", max_rows=2)
    assert answer["rows"] == [[1], [2]]
    assert "only the first 2 rows" in answer["note"]
    assert "note" not in ask(database, "SELECT id FROM orders", max_rows=3)


def test_a_long_text_is_cut_with_a_note(database: Path) -> None:
    (row,) = ask(database, "SELECT replace(hex(zeroblob(600)), '0', 'x')")["rows"]
    assert row[0].endswith(" [200 characters more]")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders",
        "DROP TABLE orders",
        "UPDATE orders SET total = 0",
        "INSERT INTO orders VALUES (4, 'Eve', 1, NULL)",
        "REPLACE INTO orders VALUES (1, 'Eve', 1, NULL)",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE VIRTUAL TABLE t USING fts5(x)",
        "ATTACH DATABASE '{other}' AS other",
        "DETACH DATABASE main",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = WAL",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
        "VACUUM",
        "VACUUM INTO '{other}'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "SAVEPOINT s",
        "COMMIT",
        "SELECT load_extension('{other}')",
        "SELECT writefile('{other}', 'x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT printf('%.*c', 500000000, 'x')",
        "SELECT 1; DELETE FROM orders",
        "EXPLAIN DELETE FROM orders",
        "WITH x AS (SELECT 1) DELETE FROM orders",
        "SELECT * FROM (DELETE FROM orders RETURNING *)",
        "",
        "-- nothing",
        "SELECT \0",
        "SELECT",
        "SELECT ?",
        "SELECT '\ud800'",
        "SELECT " + "(" * 2000 + "1" + ")" * 2000,
        "SELECT 1 " * 2000,
    ],
)
def test_whatever_is_no_reading_query_is_refused(database: Path, tmp_path: Path, sql: str) -> None:
    before = hashlib.sha256(database.read_bytes()).digest()
    other = tmp_path / "other.db"
    with pytest.raises(ToolError):
        ask(database, sql.replace("{other}", str(other)))
    assert hashlib.sha256(database.read_bytes()).digest() == before
    assert not other.exists()


def test_a_hostile_view_gains_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE VIEW innocent AS SELECT load_extension('/tmp/evil.so')")
    with pytest.raises(ToolError):
        ask(path, "SELECT * FROM innocent")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x + 1 FROM c) SELECT * FROM c ORDER BY x DESC",
    ],
)
def test_a_query_that_runs_on_is_ended(database: Path, sql: str) -> None:
    reader = SqliteReader.open(database, timeout=0.2)
    with pytest.raises(ToolError, match=r"more than 0\.2 seconds"):
        reader.query(sql)
    assert reader.query("SELECT 1").rows == [(1,)]  # and the next one has its own time


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 sets limits since Python 3.11")
@pytest.mark.parametrize("value", ["zeroblob(1000000000)", "randomblob(1000000000)", "hex(zeroblob(900000))"])
def test_a_value_that_is_huge_is_refused(database: Path, value: str) -> None:
    with pytest.raises(ToolError, match="too big"):
        ask(database, f"SELECT {value}")


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("no database, but long enough to be mistaken for one" * 20)
    os.mkfifo(tmp_path / "pipe")  # which nobody writes to
    for path in (text, tmp_path / "missing.db", tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidRequestError, match="cannot be read as an SQLite database"):
            sqlite_tools(path)
    assert not (tmp_path / "missing.db").exists()


def test_limits_must_be_positive(database: Path) -> None:
    with pytest.raises(InvalidRequestError, match="max_rows=0"):
        sqlite_tools(database, max_rows=0)
