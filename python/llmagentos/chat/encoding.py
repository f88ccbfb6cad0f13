"""From a conversation to token ids, with what people wrote kept apart from what steers the model.

A template's special tokens (`<|im_start|>`) are control tokens; the same letters inside a message are data, and must
not open a turn that the caller never gave. So are they in a tool's result, a call's arguments and a tool's description.
Where nothing spells a special token, which is nearly always, the rendered text is encoded in one piece, exactly as
transformers and llama.cpp do. Where something does, the template is rendered again with each such text between two
marks, and the marked parts are encoded without parsing special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from llmagentos.chat.templates import ChatTemplate
from llmagentos.chat.tool_calls.rendering import Conversation
from llmagentos.errors import InvalidRequestError


class TextEncoder(Protocol):
    """The part of a tokenizer that turns text into ids."""

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]: ...
    def is_special(self, id: int) -> bool: ...


def encode_conversation(conversation: Conversation, template: ChatTemplate, tokenizer: TextEncoder) -> list[int]:
    """Token ids of the conversation, up to where the assistant's answer begins.

    Raises:
        InvalidRequestError: the template refuses the messages, or rewrites a text that spells a special token, so that
            it cannot be told from the template's own; names the message.
    """
    plain = template.render(conversation.messages, conversation.tools)
    spelling = {
        text: where
        for where, given in _places(conversation)
        for text in _texts(given)
        if _spells_special(text, tokenizer)
    }
    if not spelling:
        return tokenizer.encode(plain, add_special=False, parse_special=True)
    opening, closing = _unused_marks(plain, conversation)

    def mark(text: str) -> str:
        return _marked(text, opening, closing) if text in spelling else text

    messages, tools = _mapped(conversation.messages, mark), _mapped(conversation.tools, mark)
    marked = template.render(messages, tools)
    parts = re.split(f"([{opening}{closing}])", marked)
    marks = parts[1::2]
    if marked.replace(opening, "").replace(closing, "") != plain or marks != [opening, closing] * (len(marks) // 2):
        raise InvalidRequestError(
            f"{next(iter(spelling.values()))} spells one of the model's special tokens, and the model's chat template "
            "rewrites it, so that it cannot be kept apart from the template's own: take it out"
        )
    ids: list[int] = []
    for index, text in enumerate(parts[::2]):
        if text:
            ids += tokenizer.encode(text, add_special=False, parse_special=index % 2 == 0)
    return ids


def _places(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    """Everything that came from outside, with its name."""
    for index, message in enumerate(conversation.messages):
        for key, value in message.items():
            yield f"messages[{index}].{key}", value
    for index, tool in enumerate(conversation.tools or ()):
        yield f"tools[{index}]", tool


def _texts(value: Any) -> Iterator[str]:
    """The strings in a JSON value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The JSON value with each of its strings changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(member, change) for key, member in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value


def _spells_special(content: str, tokenizer: TextEncoder) -> bool:
    return any(map(tokenizer.is_special, tokenizer.encode(content, add_special=False, parse_special=True)))


def _unused_marks(plain: str, conversation: Conversation) -> tuple[str, str]:
    """Two private-use characters that occur nowhere in the conversation."""
    used = set(plain).union(*(text for _, value in _places(conversation) for text in _texts(value)))
    unused = (chr(code) for code in range(0xE000, 0xF900) if chr(code) not in used)
    return next(unused), next(unused)


def _marked(content: str, opening: str, closing: str) -> str:
    # The marks go inside the outer white space, which templates often trim.
    core = content.strip()
    before, _, after = content.partition(core)
    return f"{before}{opening}{core}{closing}{after}"
