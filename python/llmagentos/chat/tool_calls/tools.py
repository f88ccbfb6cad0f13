"""The tools of a call, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from llmagentos.errors import InvalidRequestError, SchemaError, shown
from llmagentos.structured.json_schema import check_schema

ToolChoice: TypeAlias = "str | Mapping[str, Any]"
MODES = ("auto", "required", "none")

MAX_TOOLS = 512  # of one call: compiling their grammar takes time that grows faster than their number
_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model may call.

    Attributes:
        parameters: JSON schema of the arguments, an object.
        definition: the tool as the caller gave it, in OpenAI's shape, which is what templates are written for.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolSet:
    """What a model may call in its answer.

    Attributes:
        tools: those that it is told of.
        callable_tools: those that it may call: one where the choice names it, else all.
        must_call: whether the answer has to be a call.
        several: whether it may be more than one.
    """

    tools: tuple[Tool, ...]
    callable_tools: tuple[Tool, ...]
    must_call: bool
    several: bool


def tool_set_of(tools: object, choice: ToolChoice | None, parallel_tool_calls: object) -> ToolSet | None:
    """Check tools, tool_choice and parallel_tool_calls; None where nothing may be called.

    Raises:
        SchemaError: a tool's parameters say something that cannot be enforced; points at it within them.
        InvalidRequestError: anything else that is wrong; names it.
    """
    if not isinstance(parallel_tool_calls, bool):
        raise InvalidRequestError(
            f"parallel_tool_calls={shown(parallel_tool_calls)} is not valid: it must be True or False"
        )
    checked = _checked_tools(tools)
    mode, name = _choice(choice, [tool.name for tool in checked])
    if not checked and (mode == "required" or name is not None):
        raise InvalidRequestError(f"tool_choice={shown(choice)} needs tools to choose from, and there are none")
    if not checked or mode == "none":
        return None
    chosen = tuple(tool for tool in checked if name in (None, tool.name))
    return ToolSet(checked, chosen, mode == "required", parallel_tool_calls and name is None)


def _checked_tools(tools: object) -> tuple[Tool, ...]:
    if tools is None:
        return ()
    if not isinstance(tools, Sequence) or isinstance(tools, (str, bytes)):
        raise InvalidRequestError(f"tools must be a list of dicts, not {type(tools).__name__}")
    if len(tools) > MAX_TOOLS:
        raise InvalidRequestError(f"there are {len(tools)} tools, at most {MAX_TOOLS} may be given together")
    checked: dict[str, Tool] = {}
    for index, definition in enumerate(tools):
        tool = _checked_tool(f"tools[{index}]", definition)
        if tool.name in checked:
            raise InvalidRequestError(f"tools[{index}] has the name {tool.name!r}, which another tool has already")
        checked[tool.name] = tool
    return tuple(checked.values())


def _checked_tool(where: str, definition: Any) -> Tool:
    if not isinstance(definition, Mapping) or definition.get("type") != "function":
        raise InvalidRequestError(
            f"{where} must be {{'type': 'function', 'function': {{...}}}}, not {shown(definition)}"
        )
    _check_keys(where, definition, ("type", "function"))
    function = definition.get("function")
    if not isinstance(function, Mapping):
        raise InvalidRequestError(f"{where}.function must be a dict, not {type(function).__name__}")
    where = f"{where}.function"
    _check_keys(where, function, ("name", "description", "parameters", "strict"))
    name, description = function.get("name"), function.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{where}.name={shown(name)} is not valid: it must be 1 to 128 letters, digits and characters of _.:/-"
        )
    if description is not None and not isinstance(description, str):
        raise InvalidRequestError(f"{where}.description={shown(description)} is not valid: it must be a string")
    if not isinstance(function.get("strict"), (bool, type(None))):
        raise InvalidRequestError(f"{where}.strict={shown(function['strict'])} is not valid: it must be True or False")
    given = function.get("parameters")
    parameters = _checked_parameters(where, _NO_PARAMETERS if given is None else given)
    complete = {"name": name, "description": description or "", "parameters": parameters}
    return Tool(name, description or "", parameters, {"type": "function", "function": complete})


def _check_keys(where: str, value: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [key for key in value if key not in known]
    if unknown:
        raise InvalidRequestError(f"{where} has {unknown[0]!r}, which is not supported")


def _checked_parameters(where: str, parameters: object) -> dict[str, Any]:
    try:
        checked = check_schema(parameters)
        if checked.get("type") != "object":
            raise SchemaError("the parameters of a tool must be of type 'object'", "/type" if "type" in checked else "")
    except SchemaError as error:
        raise SchemaError(f"{where}.parameters: {error}", error.pointer) from None
    return checked


def _choice(choice: ToolChoice | None, names: Sequence[str]) -> tuple[Literal["auto", "required", "none"], str | None]:
    """Mode, and the name of the one tool that must be called, if the choice is that."""
    if choice is None or choice == "auto":
        return "auto", None
    if choice == "required":
        return "required", None
    if choice == "none":
        return "none", None
    name: Any = choice
    if isinstance(choice, Mapping):
        function = choice.get("function")
        name = function.get("name") if choice.get("type") == "function" and isinstance(function, Mapping) else None
    if not isinstance(name, str) or name not in names:
        given = f"; the tools are: {', '.join(names)}" if names else ""
        raise InvalidRequestError(
            f"tool_choice={shown(choice)} is not valid: it must be {', '.join(map(repr, MODES))}, a tool's name, or "
            f"{{'type': 'function', 'function': {{'name': ...}}}}{given}"
        )
    return "required", name
