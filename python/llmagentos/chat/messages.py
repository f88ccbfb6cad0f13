"""Messages as OpenAI's clients write them, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmagentos.completion import ToolCall
from llmagentos.errors import InvalidRequestError, shown

ROLES = ("system", "user", "assistant", "tool")
_KEYS = {"assistant": ("tool_calls",), "tool": ("tool_call_id", "name")}


def checked_messages(messages: object) -> list[dict[str, Any]]:
    """One conversation as dicts of role and text; content given as a list of text parts is joined.

    An assistant's message may have `tool_calls`, whose arguments become objects, since that is what chat templates are
    written for. A tool's message brings the result of one of them, and gets the tool's name from it.

    Raises:
        InvalidRequestError: no messages, or one that is malformed; names its index and what is wrong.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            f"messages must be a list of dicts with role and content, not {type(messages).__name__}"
        )
    if not messages:
        raise InvalidRequestError("messages is empty: a conversation needs at least one message")
    names: dict[str, str] = {}
    return [_checked(f"messages[{index}]", message, names) for index, message in enumerate(messages)]


def _checked(where: str, message: Any, names: dict[str, str]) -> dict[str, Any]:
    """`names`: tools by the ids of the calls so far."""
    if not isinstance(message, Mapping):
        raise InvalidRequestError(f"{where} must be a dict with role and content, not {type(message).__name__}")
    if "role" not in message:
        raise InvalidRequestError(f"{where} has no 'role'")
    role = message["role"]
    if role not in ROLES:
        raise InvalidRequestError(f"{where}.role={shown(role)} is not valid: it must be one of {', '.join(ROLES)}")
    known = ("role", "content", *_KEYS.get(role, ()))
    unknown = [key for key in message if key not in known]
    if unknown:
        raise InvalidRequestError(
            f"{where} has {unknown[0]!r}, which is not supported: of a message of role {role!r}, {', '.join(known)} are"
        )
    calls = _calls(f"{where}.tool_calls", message["tool_calls"]) if message.get("tool_calls") is not None else []
    content = message.get("content")
    if content is None and not calls:
        if "content" not in message:
            raise InvalidRequestError(f"{where} has no 'content'")
        raise InvalidRequestError(f"{where}.content must be a string or a list of text parts, not None")
    checked: dict[str, Any] = {"role": role, "content": "" if content is None else _text(f"{where}.content", content)}
    if calls:
        checked["tool_calls"] = calls
        names.update((call["id"], call["function"]["name"]) for call in calls)
    if role == "tool":
        checked.update(_result(where, message, names))
    return checked


def _result(where: str, message: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """What a tool's message says of the call that it answers."""
    call_id, name = message.get("tool_call_id"), message.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidRequestError(f"{where}.name={shown(name)} is not valid: it must be a string")
    if call_id is None:
        raise InvalidRequestError(f"{where} has no 'tool_call_id', which says what call it is the result of")
    if not isinstance(call_id, str) or call_id not in names:
        raise InvalidRequestError(
            f"{where}.tool_call_id={shown(call_id)} is not valid: it must be the id of a call in an earlier message"
        )
    return {"tool_call_id": call_id, "name": name or names[call_id]}


def _calls(where: str, calls: Any) -> list[dict[str, Any]]:
    if not isinstance(calls, Sequence) or isinstance(calls, (str, bytes)):
        raise InvalidRequestError(f"{where} must be a list of tool calls, not {type(calls).__name__}")
    return [_call(f"{where}[{index}]", call) for index, call in enumerate(calls)]


def _call(where: str, call: Any) -> dict[str, Any]:
    """A call in OpenAI's shape, or as `Completion.tool_calls` has it."""
    if isinstance(call, ToolCall):
        call = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    if not isinstance(call, Mapping) or call.get("type", "function") != "function":
        raise InvalidRequestError(
            f"{where} must be {{'id': ..., 'type': 'function', 'function': {{...}}}}, not {shown(call)}"
        )
    function, call_id = call.get("function"), call.get("id")
    if not isinstance(call_id, str) or not call_id:
        raise InvalidRequestError(f"{where}.id={shown(call_id)} is not valid: it must be a non-empty string")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InvalidRequestError(f"{where}.function={shown(function)} is not valid: it must have name and arguments")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            arguments = None
    if not isinstance(arguments, Mapping):
        raise InvalidRequestError(
            f"{where}.function.arguments={shown(function.get('arguments'))} is not valid: it must be a JSON object"
        )
    return {"id": call_id, "type": "function", "function": {"name": function["name"], "arguments": dict(arguments)}}


def _text(where: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence) or isinstance(content, (bytes, bytearray)):
        raise InvalidRequestError(f"{where} must be a string or a list of text parts, not {type(content).__name__}")
    for index, part in enumerate(content):
        is_text = isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
        if not is_text:
            raise InvalidRequestError(
                f"{where}[{index}] is not a text part ({{'type': 'text', 'text': ...}}): {part!r}"
            )
    return "".join(part["text"] for part in content)
