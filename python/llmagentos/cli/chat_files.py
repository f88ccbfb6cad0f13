"""Conversations of `llmagentos chat` as files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagentos.errors import InvalidRequestError

_FORMAT = "llmagentos.chat/1"


@dataclass(frozen=True, slots=True)
class Saved:
    """A conversation: the name of the model, the system prompt, and the other messages in OpenAI's shape."""

    model: str
    system: str | None
    turns: list[dict[str, Any]]


def save(path: Path, conversation: Saved) -> None:
    """Write a conversation, in place of one that the file holds.

    Raises:
        InvalidRequestError: the file is there and holds something else.
        OSError: it cannot be written.
    """
    from llmagentos.market.cache import write_text

    if path.exists():
        load(path)
    system = [] if conversation.system is None else [{"role": "system", "content": conversation.system}]
    content = {"format": _FORMAT, "model": conversation.model, "messages": [*system, *conversation.turns]}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    # A model's path may have bytes that are no UTF-8, which are surrogates here: they are written as JSON's escapes.
    text = re.sub(r"[\ud800-\udfff]", lambda found: json.dumps(found[0])[1:-1], text) + "\n"
    try:
        write_text(path, text)
    except OSError as error:  # of the file that would have taken its name
        raise OSError(error.errno, error.strerror, str(path)) from None


def load(path: Path) -> Saved:
    """Read what `save` has written.

    Raises:
        InvalidRequestError: the file holds no conversation; says what is wrong.
        OSError: it cannot be read.
    """
    from llmagentos.chat.messages import checked_messages

    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{path} holds no conversation: it is not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT or not isinstance(content.get("model"), str):
        raise InvalidRequestError(f"{path} holds no conversation: it has no format {_FORMAT!r} and model")
    try:
        messages = checked_messages(content["messages"]) if content.get("messages") else []
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{path} holds no conversation: {error}") from None
    system = messages[0]["content"] if messages and messages[0]["role"] == "system" else None
    return Saved(content["model"], system, messages if system is None else messages[1:])
