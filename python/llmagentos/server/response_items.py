"""From what /v1/responses takes to what `LLM.chat` takes."""

from __future__ import annotations

from typing import Any

from llmagentos.server.errors import ApiError
from llmagentos.server.schemas.responses import (
    ContentPart,
    FunctionCallItem,
    FunctionOutputItem,
    InputItem,
    ResponseRequest,
)


def messages_of(body: ResponseRequest) -> list[dict[str, Any]]:
    """The conversation as messages. Calls that follow each other, and the text before them, are one message."""
    messages: list[dict[str, Any]] = []
    if body.instructions is not None:
        messages.append({"role": "system", "content": body.instructions})
    if isinstance(body.input, str):
        return [*messages, {"role": "user", "content": body.input}]
    for item in body.input:
        message = _message(item)
        before = messages[-1] if messages else None
        if "tool_calls" in message and before is not None and before["role"] == "assistant":
            before["tool_calls"] = before.get("tool_calls", []) + message["tool_calls"]
        else:
            messages.append(message)
    return messages


def form_of(body: ResponseRequest) -> dict[str, Any]:
    """The options of `LLM.chat` that say what answers look like."""
    options: dict[str, Any] = {}
    if body.text is not None and body.text.format is not None:
        options["response_format"] = _response_format(body.text.format)
    if body.tools:
        options["tools"] = [
            {"type": "function", "function": tool.model_dump(exclude={"type"}, exclude_none=True)}
            for tool in body.tools
        ]
        options["tool_choice"] = _tool_choice(body.tool_choice)
        options["parallel_tool_calls"] = body.parallel_tool_calls is not False
    elif body.tool_choice not in (None, "auto", "none"):
        options["tool_choice"] = _tool_choice(body.tool_choice)
    return {name: value for name, value in options.items() if value is not None}


def _message(item: InputItem) -> dict[str, Any]:
    if isinstance(item, FunctionCallItem):
        function = {"name": item.name, "arguments": item.arguments}
        call = {"id": item.call_id, "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if isinstance(item, FunctionOutputItem):
        return {"role": "tool", "tool_call_id": item.call_id, "content": _text(item.output)}
    role = "system" if item.role == "developer" else item.role
    return {"role": role, "content": _text(item.content)}


def _text(content: str | list[ContentPart]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _response_format(given: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's two interfaces write a JSON schema at different depths."""
    if given.get("type") != "json_schema":
        return given
    return {"type": "json_schema", "json_schema": {name: part for name, part in given.items() if name != "type"}}


def _tool_choice(given: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
    if not isinstance(given, dict):
        return given
    if given.get("type") != "function" or set(given) != {"type", "name"}:
        raise ApiError(
            400,
            "tool_choice must be 'auto', 'none', 'required' or {'type': 'function', 'name': ...}",
            param="tool_choice",
        )
    return {"type": "function", "function": {"name": given["name"]}}
