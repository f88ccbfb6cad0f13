"""The tools for data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmagentos.errors import ToolError
from llmagentos.tools.data_sets import data_tools


def ask(folder: Path, name: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {tool.name: tool for tool in data_tools(folder)}[name](**arguments)
    return answer


def test_a_data_set_is_described(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the cat sat\nThe  cat sat\n\na dog\n")
    described = ask(tmp_path, "describe_texts", path="a.txt")
    assert (described["texts"], described["words"], described["repeated_texts"]) == (3, 8, 1)
    assert (described["median_words"], described["longest_words"]) == (3, 3)
    assert described["common_words"] == ["cat (2)", "sat (2)", "dog (1)"]


def test_a_data_set_is_prepared(tmp_path: Path) -> None:
    rows = [{"id": i, "body": f"  text   number {i} "} for i in range(200)]
    rows += [{"id": 200, "body": "TEXT number 7"}, {"id": 201, "body": "?"}, {"id": 202, "body": None}]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    told = ask(tmp_path, "prepare_texts", path="a.jsonl", target="new", column="body", test_share=0.2)
    assert (told["texts"], told["too_short"], told["repeated"]) == (202, 1, 1)
    assert sum(told["files"].values()) == 200
    written = [
        json.loads(line)["text"]
        for part in ("train", "validation", "test")
        for line in (tmp_path / f"new-{part}.jsonl").read_text().splitlines()
    ]
    assert sorted(written) == sorted(f"text number {i}" for i in range(200))


def test_near_duplicates_are_dropped_when_asked_for(tmp_path: Path) -> None:
    text = " ".join(f"word{i}" for i in range(40))
    (tmp_path / "a.txt").write_text(f"{text}\n{text} more\n")
    options = {"path": "a.txt", "validation_share": 0.0, "test_share": 0.0}
    assert ask(tmp_path, "prepare_texts", target="all", **options)["files"] == {"all-train.jsonl": 2}
    told = ask(tmp_path, "prepare_texts", target="few", near_duplicates_too=True, **options)
    assert told["files"] == {"few-train.jsonl": 1}


def test_no_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "new-train.jsonl").write_text("kept")
    with pytest.raises(ToolError, match=r"'new-train\.jsonl' exists already"):
        ask(tmp_path, "prepare_texts", path="a.txt", target="new", validation_share=0.0, test_share=0.0)
    assert (tmp_path / "new-train.jsonl").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "a.csv"}, "has no column 'text'; its columns are n, t"),
        ({"path": "a.csv", "column": "n"}, "holds 1, which is no text"),
        ({"path": "a.csv", "column": "t", "target": "../x"}, "leads up"),
        ({"path": "a.csv", "column": "t", "target": "missing/x"}, "no such file or folder"),
        ({"path": "a.csv", "column": "t", "test_share": 1.5}, "test_share=1.5"),
        ({"path": "missing.txt"}, "no such file"),
    ],
)
def test_faults_are_named(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    (tmp_path / "a.csv").write_text("n,t\n1,one\n")
    with pytest.raises(ToolError, match=message):
        ask(tmp_path, "prepare_texts", **{"target": "new", **arguments})
