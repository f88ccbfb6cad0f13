"""Tools, the sets of them that calls choose, and the text of calls."""

from __future__ import annotations

import json
from typing import Any

from llmagentos.chat.tool_calls.formats import GENERIC, HERMES, LLAMA3, MISTRAL, ToolFormat
from llmagentos.chat.tool_calls.tools import ToolChoice, ToolSet, tool_set_of

FORMATS = {"hermes": HERMES, "llama3": LLAMA3, "mistral": MISTRAL, "generic": GENERIC}

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 9}, "unit": {"$ref": "#/$defs/unit"}},
            "required": ["city"],
            "additionalProperties": False,
            "$defs": {"unit": {"enum": ["C", "F"]}},
        },
    },
}
TIME: dict[str, Any] = {"type": "function", "function": {"name": "get_time"}}


def tool_set(choice: ToolChoice | None = None, parallel: bool = True) -> ToolSet:
    made = tool_set_of([WEATHER, TIME], choice, parallel)
    assert made is not None
    return made


def call_object(tool_format: ToolFormat, name: str, arguments: Any) -> str:
    return json.dumps({"name": name, tool_format.arguments_key: arguments})


def calls_text(tool_format: ToolFormat, *calls: tuple[str, Any]) -> str:
    """Calls as a model of this format writes them."""
    objects = [call_object(tool_format, name, arguments) for name, arguments in calls]
    if tool_format.is_list:
        return f"{tool_format.opening}[{', '.join(objects)}]"
    padding = tool_format.padding
    return tool_format.separator.join(
        f"{tool_format.opening}{padding}{text}{padding}{tool_format.closing}" for text in objects
    )
