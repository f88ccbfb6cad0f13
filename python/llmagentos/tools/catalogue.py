"""Which tools there are, by name: those of this package, and those that others add by entry points.

A package adds tools under the entry-point group `llmagentos.tools`; what an entry names is a `Tool`, or a function that
takes keyword arguments and returns a `Tool` or a list of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.tools.tool import Tool

ENTRY_POINTS = "llmagentos.tools"


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """A tool, or a family of tools that is made together.

    Attributes:
        name: what `load_tools` takes.
        made_by: module and name of the `Tool`, or of the function that makes it.
        permission: what the tools can do beside answering, for whoever is asked to allow it; "" is nothing.
        package: that adds it; "" for this one.
    """

    name: str
    made_by: str
    permission: str
    package: str = ""


def _built_in(name: str, made_by: str, permission: str) -> tuple[str, ToolEntry]:
    return name, ToolEntry(name, f"llmagentos.tools.{made_by}", permission)


BUILT_IN: Mapping[str, ToolEntry] = dict(
    (
        _built_in("calculator", "arithmetic:calculator", ""),
        _built_in("date_time", "date_time:date_time_tools", ""),
        _built_in("calendar", "calendar_file:calendar_tools", "reads and changes an iCalendar file"),
        _built_in("todo", "todo:todo_tools", "reads and changes a to-do list"),
        _built_in("files", "files:file_tools", "reads files below a folder"),
        _built_in("web", "web_page:web_tools", "fetches from hosts on the network"),
        _built_in("sqlite", "sqlite_query:sqlite_tools", "reads an SQLite database"),
        _built_in("tables", "tables:table_tools", "reads tables below a folder"),
        _built_in("retrieval", "retrieval:retrieval_tool", "reads documents below a folder"),
        _built_in("data", "data_sets:data_tools", "reads data sets below a folder and writes new ones there"),
        _built_in("python", "python_code:python_tool", "runs Python code in a confined process"),
    )
)


def available_tools() -> list[ToolEntry]:
    """All tools by name, those of this package first. Nothing of other packages is imported for it."""
    return [*BUILT_IN.values(), *(_added(entry) for entry in _others().values())]


def load_tools(name: str, **options: Any) -> list[Tool]:
    """The tools of that name, made with `options`, such as `load_tools("files", root="docs")`.

    Raises:
        InvalidRequestError: no such tools, or options that they do not take or need and do not get.
        ToolError: what another package adds cannot be imported, or is no tool.
    """
    others = _others()
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].made_by.partition(":")
        made_by = getattr(importlib.import_module(module), attribute)
    elif name in others:
        made_by = _imported(others[name])
    else:
        known = ", ".join([*BUILT_IN, *others])
        raise InvalidRequestError(f"there are no tools named {shown(name)}; there are {known}")
    return _made(name, made_by, options)


def _others() -> dict[str, EntryPoint]:
    """Entry points by name; none takes the name of tools of this package, or of another package that comes first."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, _package(entry))):
        if entry.name not in BUILT_IN:
            found.setdefault(entry.name, entry)
    return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""


def _added(entry: EntryPoint) -> ToolEntry:
    return ToolEntry(entry.name, entry.value, f"whatever the package {_package(entry)} does", _package(entry))


def _imported(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:  # other people's code may raise anything when it is imported
        raise ToolError(f"the tools {entry.name!r} of {_package(entry)} cannot be imported: {error}") from error


def _made(name: str, made_by: Any, options: Mapping[str, Any]) -> list[Tool]:
    if isinstance(made_by, Tool):
        if options:
            raise InvalidRequestError(f"the tool {name!r} takes no options, and was given {', '.join(options)}")
        return [made_by]
    if not callable(made_by):
        raise ToolError(f"what adds the tools {name!r} is neither a tool nor a function, but {shown(made_by)}")
    _check_options(name, made_by, options)
    made = made_by(**options)
    tools = list(made) if isinstance(made, (list, tuple)) else [made]
    for tool in tools:
        if not isinstance(tool, Tool):
            raise ToolError(f"what makes the tools {name!r} gave {shown(tool)}, which is no tool")
    return tools


def _check_options(name: str, made_by: Any, options: Mapping[str, Any]) -> None:
    import inspect

    try:
        inspect.signature(made_by).bind(**options)
    except TypeError as error:
        raise InvalidRequestError(f"the options of the tools {name!r} are not valid: {error}") from None
