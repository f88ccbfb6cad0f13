"""Tools for agents: typed functions that a model may call.

```
tool.py (what a tool is) <- one file per tool or family <- catalogue.py (by name, those of other packages as well)
rooted.py (files below a folder), sqlite_reader.py (SQL that only reads), http_fetch.py (allowed hosts), sandbox/ (code)
```

What a tool may touch is said when it is made, by whoever makes it, and nothing that a model says widens it.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from llmagentos.tools.arithmetic import calculator as calculator
    from llmagentos.tools.calendar_file import calendar_tools as calendar_tools
    from llmagentos.tools.catalogue import available_tools as available_tools
    from llmagentos.tools.catalogue import load_tools as load_tools
    from llmagentos.tools.data_sets import data_tools as data_tools
    from llmagentos.tools.date_time import date_time_tools as date_time_tools
    from llmagentos.tools.files import file_tools as file_tools
    from llmagentos.tools.python_code import python_tool as python_tool
    from llmagentos.tools.retrieval import retrieval_tool as retrieval_tool
    from llmagentos.tools.sqlite_query import sqlite_tools as sqlite_tools
    from llmagentos.tools.tables import table_tools as table_tools
    from llmagentos.tools.todo import todo_tools as todo_tools
    from llmagentos.tools.web_page import web_tools as web_tools

# Names are loaded when they are first used (PEP 562): most agents need few of them.
_HOMES = {
    "calculator": "arithmetic",
    "available_tools": "catalogue",
    "calendar_tools": "calendar_file",
    "data_tools": "data_sets",
    "date_time_tools": "date_time",
    "file_tools": "files",
    "load_tools": "catalogue",
    "python_tool": "python_code",
    "retrieval_tool": "retrieval",
    "sqlite_tools": "sqlite_query",
    "table_tools": "tables",
    "todo_tools": "todo",
    "web_tools": "web_page",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (a list; the names are those of _HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
