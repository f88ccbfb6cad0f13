"""Calls as Gemini's contents and configuration."""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.genai import types

from llmagentos.errors import InvalidRequestError

if TYPE_CHECKING:
    from llmagentos.providers.remote_call import AskedFor, RemoteCall

_NAMES = {"max_tokens": "max_output_tokens", "stop": "stop_sequences", "n": "candidate_count"}
# A model that thinks signs its calls, and wants the signature back with them. It travels in the call's id, so that it
# is kept wherever the conversation is. For calls that another model made, Google's documentation gives this one.
_SIGNATURE_OF_OTHERS = b"skip_thought_signature_validator"
_UNSIGNED = re.compile(r"gemini-[12]\b")


def signed_id(id: str, signature: bytes | None) -> str:
    """A call's id with the signature in it."""
    return id if not signature else f"{id}~{urlsafe_b64encode(signature).decode('ascii')}"


def _unsigned(id: str) -> tuple[str, bytes | None]:
    plain, mark, signature = id.partition("~")
    try:
        return plain, urlsafe_b64decode(signature) if mark else None
    except (binascii.Error, ValueError):
        return id, None


def contents_of(messages: Sequence[Mapping[str, Any]], model: str) -> tuple[str | None, list[types.Content]]:
    """The system's instructions, and the turns. Results of tools that follow each other are one turn.

    Raises:
        InvalidRequestError: a system message that is not at the beginning.
    """
    instructions: list[str] = []
    contents: list[types.Content] = []
    last = None
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "system":
            if contents:
                raise InvalidRequestError(
                    f"messages[{index}].role='system' is not possible: Gemini takes instructions at the beginning only"
                )
            instructions.append(message["content"])
            continue
        parts = _parts(message, model)
        if role == "tool" and last == "tool":
            contents[-1] = types.Content(role="user", parts=[*(contents[-1].parts or ()), *parts])
        else:
            contents.append(types.Content(role="model" if role == "assistant" else "user", parts=parts))
        last = role
    return "\n\n".join(instructions) or None, contents


def _parts(message: Mapping[str, Any], model: str) -> list[types.Part]:
    text = message["content"]
    if message["role"] == "tool":
        id, _ = _unsigned(message["tool_call_id"])
        response = types.FunctionResponse(id=id, name=message["name"], response=_result(text))
        return [types.Part(function_response=response)]
    calls = message.get("tool_calls", ())
    parts = [types.Part(text=text)] if text or not calls else []
    for number, call in enumerate(calls):
        id, signature = _unsigned(call["id"])
        if signature is None and number == 0 and not _UNSIGNED.match(model):
            signature = _SIGNATURE_OF_OTHERS
        function = types.FunctionCall(id=id, name=call["function"]["name"], args=call["function"]["arguments"])
        parts.append(types.Part(function_call=function, thought_signature=signature))
    return parts


def _result(text: str) -> dict[str, Any]:
    """A tool's result as the object that Gemini wants: itself where it is one in JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"result": text}


def config_of(call: RemoteCall, instructions: str | None, timeout: float) -> types.GenerateContentConfig:
    """Sampling, tools and the form of the answer. `timeout` is in seconds."""
    values: dict[str, Any] = {
        _NAMES.get(name, name): list(value) if name == "stop" else value for name, value in call.sampling.items()
    }
    return types.GenerateContentConfig(
        **values,
        **_tools(call.asked),
        **_format(call.asked),
        system_instruction=instructions,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        http_options=http_options(timeout),
    )


def http_options(timeout: float) -> types.HttpOptions:
    """Of one request: Gemini's client counts in milliseconds."""
    return types.HttpOptions(timeout=max(1, round(timeout * 1000)))


def _tools(asked: AskedFor) -> dict[str, Any]:
    if asked.tools is None:
        return {}
    declarations = [
        types.FunctionDeclaration(
            name=tool.name, description=tool.description or None, parameters_json_schema=tool.parameters
        )
        for tool in asked.tools.tools
    ]
    mode = types.FunctionCallingConfigMode.AUTO
    if asked.tools.must_call:
        mode = types.FunctionCallingConfigMode.ANY
    elif asked.strict_tools:
        mode = types.FunctionCallingConfigMode.VALIDATED
    is_named = len(asked.tools.callable_tools) < len(asked.tools.tools)
    names = [tool.name for tool in asked.tools.callable_tools] if is_named else None
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
    return {
        "tools": [types.Tool(function_declarations=declarations)],
        "tool_config": types.ToolConfig(function_calling_config=calling),
    }


def _format(asked: AskedFor) -> dict[str, Any]:
    wanted = asked.response_format
    if wanted is None:
        return {}
    form: dict[str, Any] = {"response_mime_type": "application/json"}
    if wanted.schema is not None and wanted.schema != {"type": "object"}:
        form["response_json_schema"] = dict(wanted.schema)
    return form
