"""Tools by name: those of the tool library, and any others by where they are in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmagentos.agents.places import object_at
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, shown
from llmagentos.tools.catalogue import load_tools
from llmagentos.tools.tool import Tool


def tools_named(name: str, options: Mapping[str, Any]) -> list[Tool]:
    """The tools of a name of the catalogue, or of a place such as "my_tools:TOOLS" (a tool or a list of tools).

    Args:
        options: that tools of the catalogue are made with, such as {"root": "notes"}; those of a place take none.

    Raises:
        InvalidRequestError: no such tools, module or name, or options that they do not take or need and do not get.
        ToolError: what another package adds cannot be imported, or is no tool.
    """
    if ":" not in name:
        return _of_catalogue(name, options)
    if options:
        raise InvalidRequestError(f"{shown(name)} takes no options, and was given {', '.join(options)}")
    found = object_at(name)
    tools = list(found) if isinstance(found, (list, tuple)) else [found]
    for tool in tools:
        if not isinstance(tool, Tool):
            raise InvalidRequestError(f"{name!r} is {shown(tool)}, which is no tool: mark functions with @tool")
    return tools


def _of_catalogue(name: str, options: Mapping[str, Any]) -> list[Tool]:
    try:
        return load_tools(name, **options)
    except LLMAgentOSError:
        raise
    except Exception as error:  # options of a type that whoever makes the tools did not think of
        given = ", ".join(f"{option}={value!r}" for option, value in options.items())
        raise InvalidRequestError(
            f"the tools {name!r} cannot be made with {given or 'no options'}: {type(error).__name__}: {error}"
        ) from error
