"""The to-do list."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.todo import TodoList, todo_tools


def test_entries_come_by_the_day_they_are_due(tmp_path: Path) -> None:
    tools = {tool.name: tool for tool in todo_tools(tmp_path / "todo.db")}
    tools["add_todo"](text="water  the\nplants")
    tools["add_todo"](text="pay the rent", due="2024-12-31")
    tools["add_todo"](text="call Ada", due="2024-12-01")
    assert tools["list_todos"]() == (
        "3. [ ] call Ada, due 2024-12-01\n2. [ ] pay the rent, due 2024-12-31\n1. [ ] water the plants"
    )


def test_what_is_done_is_listed_only_when_asked_for(tmp_path: Path) -> None:
    tools = {tool.name: tool for tool in todo_tools(tmp_path / "todo.db")}
    tools["add_todo"](text="read")
    tools["complete_todo"](id=1)
    assert tools["list_todos"]() == "there is nothing to do"
    assert tools["list_todos"](with_done=True) == "1. [x] read"


def test_the_list_outlives_its_object_and_numbers_are_not_used_again(tmp_path: Path) -> None:
    path = tmp_path / "todo.db"
    first = TodoList(path)
    first.add("one")
    first.remove(first.add("two").id)
    second = TodoList(path)
    assert [str(entry) for entry in second.entries()] == ["1. [ ] one"]
    assert second.add("three").id == 3


@pytest.mark.parametrize("number", [0, 7, -1, 1 << 70])
def test_a_number_without_an_entry_is_an_error(tmp_path: Path, number: int) -> None:
    with pytest.raises(ToolError, match="no entry with the number"):
        TodoList(tmp_path / "todo.db").complete(number)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 1001])
def test_texts_that_are_empty_or_too_long_are_errors(tmp_path: Path, text: str) -> None:
    todos = TodoList(tmp_path / "todo.db")
    with pytest.raises(ToolError, match="characters"):
        todos.add(text)
    assert todos.entries() == []


def test_another_file_is_not_taken_for_a_list(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, but long enough to look like one" * 10)
    with pytest.raises(InvalidRequestError, match="no to-do list"):
        TodoList(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE todo (name TEXT)")
    with pytest.raises(InvalidRequestError, match="no to-do list"):
        TodoList(other)
    with pytest.raises(InvalidRequestError, match="cannot be opened"):
        TodoList(tmp_path / "missing" / "todo.db")
