"""Tools by name, also those of other packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import llmagentos.tools
from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.catalogue import BUILT_IN, available_tools, load_tools
from llmagentos.tools.tool import Tool

OPTIONS: dict[str, dict[str, Any]] = {
    "calendar": {"path": "my.ics"},
    "todo": {"path": "todo.db"},
    "files": {"root": "."},
    "web": {"allow": ["example.org"]},
    "sqlite": {"path": "todo.db"},
    "tables": {"root": "."},
    "retrieval": {"root": "."},
    "data": {"root": "."},
}


def test_all_tools_can_be_made_and_have_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("a document")
    tools = [tool for name in BUILT_IN for tool in load_tools(name, **OPTIONS.get(name, {}))]
    assert all(isinstance(tool, Tool) and tool.description for tool in tools)
    assert len({tool.name for tool in tools}) == len(tools)


def test_every_argument_is_described() -> None:
    for tool in (*load_tools("calculator"), *load_tools("date_time"), *load_tools("web", allow=["*"])):
        for name, schema in tool.parameters.get("properties", {}).items():
            assert schema.get("description"), f"{tool.name}: {name}"


def test_every_argument_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one a small model may write on until its answer is cut."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("a document")
    seen = 0
    for tool in (tool for name in BUILT_IN for tool in load_tools(name, **OPTIONS.get(name, {}))):
        for name, schema in tool.parameters.get("properties", {}).items():
            for kind in schema.get("anyOf", [schema]):
                needed = {"string": {"maxLength"}, "integer": {"minimum", "maximum"}, "number": {"minimum", "maximum"}}
                assert needed.get(kind["type"], set()) <= kind.keys(), f"{tool.name}: {name}"
                seen += kind["type"] in needed
    assert seen > 30


def test_the_names_of_the_package_lead_to_what_they_say() -> None:
    for name in llmagentos.tools.__all__:
        assert callable(getattr(llmagentos.tools, name))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody else, as it lies where packages are installed."""
    (tmp_path / "their_tools.py").write_text(
        "from llmagentos.tools.tool import tool\n"
        "@tool\n"
        "def shout(text: str) -> str:\n"
        "    '''Say it loudly.'''\n"
        "    return text.upper()\n"
        "def several(mark: str):\n"
        "    return [shout]\n"
        "def nothing():\n"
        "    return 7\n"
    )
    info = tmp_path / "their_tools-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-tools\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[llmagentos.tools]\nshout = their_tools:shout\nseveral = their_tools:several\nnothing = their_tools:nothing\n"
        "broken = their_missing:tool\ncalculator = their_tools:shout\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_tools", raising=False)
    return tmp_path


def test_packages_add_tools(package: Path) -> None:
    (shout,) = load_tools("shout")
    assert shout(text="hello") == "HELLO"
    assert [tool.name for tool in load_tools("several", mark="!")] == ["shout"]
    (entry,) = [entry for entry in available_tools() if entry.name == "shout"]
    assert entry.package == "their-tools"
    assert "their-tools" in entry.permission


def test_no_package_takes_the_name_of_a_built_in_tool(package: Path) -> None:
    (calculator,) = load_tools("calculator")
    assert calculator(expression="1+1") == "2"
    assert [entry.package for entry in available_tools() if entry.name == "calculator"] == [""]


def test_listing_imports_nothing_of_others(package: Path) -> None:
    available_tools()
    assert "their_tools" not in sys.modules


def test_what_cannot_be_made_is_an_error(package: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no tools named 'hammer'; there are calculator"):
        load_tools("hammer")
    with pytest.raises(InvalidRequestError, match="missing a required argument: 'root'"):
        load_tools("files")
    with pytest.raises(InvalidRequestError, match="unexpected keyword argument 'colour'"):
        load_tools("files", root=".", colour="red")
    with pytest.raises(InvalidRequestError, match="takes no options"):
        load_tools("calculator", digits=3)
    with pytest.raises(ToolError, match="'broken' of their-tools cannot be imported"):
        load_tools("broken")
    with pytest.raises(ToolError, match="gave 7, which is no tool"):
        load_tools("nothing")
