"""The tools that list, read and search files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.errors import ToolError
from llmagentos.tools.files import MAX_FOUND, MAX_LINE, MAX_LINES, file_tools


def ask(folder: Path, name: str, **arguments: Any) -> str:
    return str({tool.name: tool for tool in file_tools(folder)}[name](**arguments))


def test_files_are_listed_by_pattern_with_sizes(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("12345")
    (tmp_path / "b.txt").write_text("")
    assert ask(tmp_path, "list_files") == "b.txt (0)\nnotes/a.md (5)"
    assert ask(tmp_path, "list_files", pattern="*.md") == "notes/a.md (5)"
    assert ask(tmp_path, "list_files", pattern="*.pdf") == "no file matches '*.pdf'"


def test_a_long_list_says_that_there_is_more(tmp_path: Path) -> None:
    for i in range(MAX_FOUND + 5):
        (tmp_path / f"{i:04}.txt").touch()
    lines = ask(tmp_path, "list_files").split("\n")
    assert len(lines) == MAX_FOUND + 1
    assert "only the first" in lines[-1]


def test_a_long_file_is_read_part_by_part(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("".join(f"line {i}\n" for i in range(1, MAX_LINES + 3)))
    first = ask(tmp_path, "read_file", path="long.txt")
    assert first.startswith("line 1\nline 2\n")
    assert first.endswith(f"of {MAX_LINES + 2}; go on with first_line={MAX_LINES + 1}]")
    assert ask(tmp_path, "read_file", path="long.txt", first_line=MAX_LINES + 1) == (
        f"line {MAX_LINES + 1}\nline {MAX_LINES + 2}"
    )
    with pytest.raises(ToolError, match=f"lines 1 to {MAX_LINES + 2}"):
        ask(tmp_path, "read_file", path="long.txt", first_line=MAX_LINES + 3)


def test_a_long_line_is_cut_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * (MAX_LINE + 7))
    assert ask(tmp_path, "read_file", path="a.txt").endswith("[7 characters more]")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert ask(tmp_path, "read_file", path="a.txt") == "a.txt is empty"


def test_lines_are_found_in_any_case_and_binary_files_are_named_as_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One\ntwo\r\nTHREE one\n")
    (tmp_path / "b.bin").write_bytes(b"\xff\xfeone")
    assert ask(tmp_path, "search_files", text="ONE") == (
        "a.txt:1: One\na.txt:3: THREE one\n[1 files are no text, or too large, and were not searched]"
    )
    assert ask(tmp_path, "search_files", text="four", pattern="*.txt") == "no line contains 'four'"
    with pytest.raises(ToolError, match="empty"):
        ask(tmp_path, "search_files", text="")
