"""Tools by where they are in Python: `package.module:name`."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.tools.tool import Tool

_NAME = re.compile(r"[\w.]+:\w+")


def tools_at(place: str) -> list[Tool]:
    """The tool of that name in a module, or the list of tools.

    Args:
        place: such as "my_tools:weather", for a module on the path or in the current folder.

    Raises:
        InvalidRequestError: no such module or name, or what it is is no tool.
    """
    if not _NAME.fullmatch(place):
        raise InvalidRequestError(f"{shown(place)} is not valid: tools are given as MODULE:NAME")
    module_name, _, name = place.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InvalidRequestError(f"{place!r} cannot be found: {error}") from error
    tools = list(found) if isinstance(found, (list, tuple)) else [found]
    for tool in tools:
        if not isinstance(tool, Tool):
            raise InvalidRequestError(f"{place!r} is {shown(tool)}, which is no tool: mark functions with @tool")
    return tools
