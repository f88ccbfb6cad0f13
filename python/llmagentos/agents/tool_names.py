"""Tools by name: those of the tool library, and any others by where they are in Python."""

from __future__ import annotations

from llmagentos.agents.places import object_at
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.tools.tool import Tool


def tools_at(place: str) -> list[Tool]:
    """The tool of that name in a module, or the list of tools.

    Args:
        place: such as "my_tools:weather", for a module on the path or in the current folder.

    Raises:
        InvalidRequestError: no such module or name, or what it is is no tool.
    """
    found = object_at(place)
    tools = list(found) if isinstance(found, (list, tuple)) else [found]
    for tool in tools:
        if not isinstance(tool, Tool):
            raise InvalidRequestError(f"{place!r} is {shown(tool)}, which is no tool: mark functions with @tool")
    return tools
