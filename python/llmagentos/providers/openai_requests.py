"""Calls as the bodies of OpenAI's requests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmagentos.chat.tool_calls.tools import ToolSet
    from llmagentos.providers.remote_call import AskedFor, RemoteCall

_NAMES = {"max_tokens": "max_completion_tokens"}  # what OpenAI's own models call it; the old name is of other servers
# From GPT-5.4 on, Chat Completions takes tools only from models that are told not to reason, and by default they do.
_REASONS_BEFORE_CALLING = re.compile(r"gpt-(5\.[4-9]|[6-9]|[1-9]\d)")
_NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9_-]")


def body_of(call: RemoteCall, model: str, is_openai: bool) -> dict[str, Any]:
    """The body of a request, for a chat or a text that is continued.

    Args:
        is_openai: whether OpenAI itself is asked, rather than another server of its protocol.
    """
    body: dict[str, Any] = {"model": model}
    for name, value in call.sampling.items():
        sent = list(value) if name == "stop" else value
        body[_NAMES.get(name, name) if is_openai and call.messages is not None else name] = sent
    if call.messages is None:
        return body | {"prompt": call.prompt}
    body["messages"] = [_message(message) for message in call.messages]
    if call.asked.tools is not None:
        body |= _tools(call.asked, call.asked.tools)
        if is_openai and _REASONS_BEFORE_CALLING.match(model):
            body["reasoning_effort"] = "none"
    if call.asked.response_format is not None:
        body["response_format"] = _format(call.asked, is_openai)
    return body


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    sent = {key: value for key, value in message.items() if key != "name"}
    if "tool_calls" in message:
        sent["tool_calls"] = [
            {**call, "function": {**call["function"], "arguments": _json(call["function"]["arguments"])}}
            for call in message["tool_calls"]
        ]
        sent["content"] = message["content"] or None
    return sent


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tools(asked: AskedFor, tools: ToolSet) -> dict[str, Any]:
    definitions: list[dict[str, Any]] = []
    for tool in tools.tools:
        function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        strict = {"strict": True} if tool.name in asked.strict_tools else {}
        definitions.append({"type": "function", "function": function | strict})
    sent: dict[str, Any] = {"tools": definitions}
    if tools.must_call:
        only = tools.callable_tools[0].name
        # A name asks for one call, and "required" may get several, of a single tool as well.
        is_named = len(tools.callable_tools) == 1 and not tools.several
        sent["tool_choice"] = {"type": "function", "function": {"name": only}} if is_named else "required"
    if not asked.parallel_tool_calls:
        sent["parallel_tool_calls"] = False
    return sent


def _format(asked: AskedFor, is_openai: bool) -> dict[str, Any]:
    """What the answer must look like. Schemas are sent as strict ones: others are no more than a hint."""
    wanted = asked.response_format
    if wanted is None or wanted.schema is None or wanted.schema == {"type": "object"}:
        return {"type": "json_object"}
    schema = all_required(wanted.schema) if asked.is_model and is_openai else wanted.schema
    name = _NAME_CHARACTERS.sub("_", asked.format_name)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}


def all_required(schema: Any) -> Any:
    """A pydantic model's schema in which every field must be given, as OpenAI's strict schemas have it.

    What it allows, the model's own schema allows too; fields with defaults lose these, which strict schemas refuse.
    """
    if isinstance(schema, list):
        return [all_required(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    changed = {key: all_required(part) for key, part in schema.items() if key != "default" or "properties" in schema}
    if isinstance(schema.get("properties"), Mapping):
        changed["properties"] = {name: all_required(part) for name, part in schema["properties"].items()}
        changed["required"] = list(schema["properties"])
    return changed
