"""Tools, calls and results in the prompt: as the model's template writes them, or else as text that describes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from llmagentos.chat.tool_calls.formats import ToolFormat
from llmagentos.chat.tool_calls.tools import ToolSet

ID_LENGTH = 9
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a chat template is given.

    Attributes:
        messages: dicts with role and content, and what else the template may look for.
        tools: definitions in OpenAI's shape, or None.
    """

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None


def conversation_of(
    messages: Sequence[dict[str, Any]], tool_set: ToolSet | None, tool_format: ToolFormat, takes_system: bool
) -> Conversation:
    """Messages and tools in the words that the model knows.

    Args:
        messages: checked ones.
        takes_system: whether the template takes a system message; without one, the first message describes the tools.
    """
    if tool_format.in_template:
        tools = None if tool_set is None else [tool.definition for tool in tool_set.tools]
        return Conversation([_with_short_ids(m) if tool_format.short_ids else m for m in messages], tools)
    told = _in_plain_words(messages, tool_format)
    if tool_set is not None:
        _describe(tool_set, tool_format, told, takes_system)
    return Conversation(told)


def call_text(tool_format: ToolFormat, name: str, arguments: Any) -> str:
    """One call as the model writes it."""
    call = json.dumps({"name": name, tool_format.arguments_key: arguments}, ensure_ascii=False)
    padding = tool_format.padding
    return f"{tool_format.opening}{padding}{call}{padding}{tool_format.closing}"


def short_id(data: bytes) -> str:
    """Nine letters and digits that stand for these bytes."""
    number = int.from_bytes(blake2b(data, digest_size=16).digest(), "big")
    letters = []
    for _ in range(ID_LENGTH):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


def _in_plain_words(messages: Sequence[dict[str, Any]], tool_format: ToolFormat) -> list[dict[str, Any]]:
    """Calls as text of the assistant's, results as text of the user's, those that follow each other as one."""
    told: list[dict[str, Any]] = []
    after_result = False
    for message in messages:
        content = message["content"]
        is_result = message["role"] == "tool"
        if is_result:
            content = f"<tool_response>\n{content}\n</tool_response>"
        calls = [call["function"] for call in message.get("tool_calls", ())]
        texts = [call_text(tool_format, call["name"], call["arguments"]) for call in calls]
        content = "\n".join([content, *texts] if content else texts or [content])
        if is_result and after_result:
            told[-1]["content"] += f"\n{content}"
        else:
            told.append({"role": "user" if is_result else message["role"], "content": content})
        after_result = is_result
    return told


def _describe(tool_set: ToolSet, tool_format: ToolFormat, told: list[dict[str, Any]], takes_system: bool) -> None:
    definitions = [json.dumps(tool.definition, ensure_ascii=False) for tool in tool_set.tools]
    description = "\n".join(
        [
            "You can call functions. Each is described on a line of its own, with a JSON schema of its arguments:",
            "<tools>",
            *definitions,
            "</tools>",
            "To call one, answer with a JSON object of its name and its arguments between tags, as here:",
            call_text(tool_format, "name of the function", {"name of an argument": "its value"}),
        ]
    )
    if takes_system and told[0]["role"] != "system":
        told.insert(0, {"role": "system", "content": description})
    else:
        told[0]["content"] = (
            f"{told[0]['content']}\n\n{description}" if takes_system else f"{description}\n\n{told[0]['content']}"
        )


def _with_short_ids(message: dict[str, Any]) -> dict[str, Any]:
    changed = dict(message)
    if "tool_calls" in message:
        changed["tool_calls"] = [{**call, "id": _short(call["id"])} for call in message["tool_calls"]]
    if "tool_call_id" in message:
        changed["tool_call_id"] = _short(message["tool_call_id"])
    return changed


def _short(call_id: str) -> str:
    fits = len(call_id) == ID_LENGTH and all(letter in _LETTERS for letter in call_id)
    return call_id if fits else short_id(call_id.encode("utf-8", "surrogatepass"))
