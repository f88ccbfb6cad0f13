"""CSV and JSON files as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.errors import ToolError
from llmagentos.tools.tables import read_table, table_tools

SALES = 'city,amount,code\nParis,3,007\n"Rome, old",4.5,012\nParis,,099\n'


def ask(folder: Path, name: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {tool.name: tool for tool in table_tools(folder)}[name](**arguments)
    return answer


def test_csv_columns_of_numbers_are_numbers_and_codes_stay_texts() -> None:
    assert read_table("sales.csv", SALES) == [
        {"city": "Paris", "amount": 3.0, "code": "007"},
        {"city": "Rome, old", "amount": 4.5, "code": "012"},
        {"city": "Paris", "amount": None, "code": "099"},
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1", "2.5"], [1.0, 2.5]),
        (["0", "-3"], [0, -3]),
        (["0.5", "1"], [0.5, 1.0]),
        (["1_000", "2"], ["1_000", "2"]),
        (["1", "x"], ["1", "x"]),
        (["", "a"], ["", "a"]),
        (["99999999999999999999", "1"], ["99999999999999999999", "1"]),
    ],
)
def test_types_of_columns(values: list[str], expected: list[Any]) -> None:
    rows = read_table("a.csv", "k,v\n" + "".join(f"x,{value}\n" for value in values))
    assert [row["v"] for row in rows] == expected


def test_json_and_json_lines_are_tables(tmp_path: Path) -> None:
    assert read_table("a.json", '[{"a": 1}, {"b": [2]}]') == [{"a": 1, "b": None}, {"a": None, "b": [2]}]
    assert read_table("a.jsonl", '{"a": 1}\n\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert read_table("a.tsv", "a\tb\n1\t2\n") == [{"a": 1, "b": 2}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a,b\n1\n", "1 values in line 2, and 2 columns"),
        ("a.csv", "a,a\n1,2\n", "column 'a' twice"),
        ("a.csv", "", "is empty"),
        ("a.csv", 'a\n"open\n', "not well formed"),
        ("a.json", "{", "not JSON"),
        ("a.json", '{"a": 1}', "a list of objects, not dict"),
        ("a.json", "[1]", "has 1 as item 1"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.jsonl", '{"a": 1}\nx\n', "not JSON in line 2"),
        ("a.xlsx", "", "no table"),
    ],
)
def test_faults_are_named(name: str, text: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        read_table(name, text)


def test_tables_are_described_and_queried(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(SALES)
    described = ask(tmp_path, "describe_table", path="sales.csv")
    assert (described["columns"], described["n_rows"]) == (["city", "amount", "code"], 3)
    sql = "SELECT city, count(*) AS n, sum(amount) AS s FROM data GROUP BY city ORDER BY n DESC"
    assert ask(tmp_path, "query_table", path="sales.csv", sql=sql)["rows"] == [["Paris", 2, 3.0], ["Rome, old", 1, 4.5]]


def test_names_of_columns_are_no_way_in(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"x""); DROP TABLE data; --",y\n1,2\n')
    assert ask(tmp_path, "query_table", path="a.csv", sql="SELECT count(*) FROM data")["rows"] == [[1]]
    (tmp_path / "b.csv").write_text("x,X\n1,2\n")
    with pytest.raises(ToolError, match="duplicate column"):
        ask(tmp_path, "query_table", path="b.csv", sql="SELECT 1")


def test_queries_only_read_and_only_their_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    for sql in ("DELETE FROM data", "ATTACH 'b.db' AS b", "PRAGMA database_list"):
        with pytest.raises(ToolError, match="only reading is allowed"):
            ask(tmp_path, "query_table", path="a.csv", sql=sql)
    with pytest.raises(ToolError, match="leads up"):
        ask(tmp_path, "query_table", path="../a.csv", sql="SELECT 1")


def test_a_table_without_rows_cannot_be_queried(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n")
    assert ask(tmp_path, "describe_table", path="a.csv")["n_rows"] == 0
    with pytest.raises(ToolError, match="needs rows"):
        ask(tmp_path, "query_table", path="a.csv", sql="SELECT 1")
