"""Messages as OpenAI's clients write them, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmagentos.errors import InvalidRequestError

ROLES = ("system", "user", "assistant")


def checked_messages(messages: object) -> list[dict[str, str]]:
    """One conversation as role and text; content given as a list of text parts is joined.

    Raises:
        InvalidRequestError: no messages, or one that is malformed; names its index and what is wrong.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            f"messages must be a list of dicts with role and content, not {type(messages).__name__}"
        )
    if not messages:
        raise InvalidRequestError("messages is empty: a conversation needs at least one message")
    return [_checked(index, message) for index, message in enumerate(messages)]


def _checked(index: int, message: Any) -> dict[str, str]:
    where = f"messages[{index}]"
    if not isinstance(message, Mapping):
        raise InvalidRequestError(f"{where} must be a dict with role and content, not {type(message).__name__}")
    for key in ("role", "content"):
        if key not in message:
            raise InvalidRequestError(f"{where} has no {key!r}")
    unknown = [key for key in message if key not in ("role", "content")]
    if unknown:
        raise InvalidRequestError(f"{where} has {unknown[0]!r}, which is not supported: only role and content are")
    if message["role"] not in ROLES:
        raise InvalidRequestError(
            f"{where}.role={message['role']!r} is not valid: it must be one of {', '.join(ROLES)}"
        )
    return {"role": message["role"], "content": _text(f"{where}.content", message["content"])}


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
