"""From a conversation to token ids, with what people wrote kept apart from what steers the model.

A template's special tokens (`<|im_start|>`) are control tokens; the same letters inside a message are data, and must
not open a turn that the caller never gave. Where no content spells a special token, which is nearly always, the
rendered text is encoded in one piece, exactly as transformers and llama.cpp do. Where one does, the template is
rendered again with every content between two marks, and the marked parts are encoded without parsing special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from llmagentos.chat.templates import ChatTemplate
from llmagentos.errors import InvalidRequestError


class TextEncoder(Protocol):
    """The part of a tokenizer that turns text into ids."""

    def encode(self, text: str, add_special: bool = True, parse_special: bool = True) -> list[int]: ...
    def is_special(self, id: int) -> bool: ...


def encode_conversation(
    messages: Sequence[dict[str, str]], template: ChatTemplate, tokenizer: TextEncoder
) -> list[int]:
    """Token ids of the conversation, up to where the assistant's answer begins.

    Raises:
        InvalidRequestError: the template refuses the messages, or rewrites a content that spells a special token, so
            that it cannot be told from the template's own; names the message.
    """
    plain = template.render(messages)
    spelling = [index for index, message in enumerate(messages) if _spells_special(message["content"], tokenizer)]
    if not spelling:
        return tokenizer.encode(plain, add_special=False, parse_special=True)
    opening, closing = _unused_marks(plain, messages)
    marked = template.render([_marked(message, opening, closing) for message in messages])
    parts = re.split(f"([{opening}{closing}])", marked)
    marks = parts[1::2]
    if marked.replace(opening, "").replace(closing, "") != plain or marks != [opening, closing] * (len(marks) // 2):
        raise InvalidRequestError(
            f"messages[{spelling[0]}].content spells one of the model's special tokens, and the model's chat template "
            "rewrites contents, so it cannot be kept apart from the template's own: take it out of the content"
        )
    ids: list[int] = []
    for index, text in enumerate(parts[::2]):
        if text:
            ids += tokenizer.encode(text, add_special=False, parse_special=index % 2 == 0)
    return ids


def _spells_special(content: str, tokenizer: TextEncoder) -> bool:
    return any(map(tokenizer.is_special, tokenizer.encode(content, add_special=False, parse_special=True)))


def _unused_marks(plain: str, messages: Sequence[dict[str, str]]) -> tuple[str, str]:
    """Two private-use characters that occur nowhere in the conversation."""
    used = set(plain).union(*(message["content"] for message in messages))
    unused = (chr(code) for code in range(0xE000, 0xF900) if chr(code) not in used)
    return next(unused), next(unused)


def _marked(message: dict[str, str], opening: str, closing: str) -> dict[str, str]:
    # The marks go inside the outer white space, which templates often trim.
    content = message["content"]
    core = content.strip()
    if not core:
        return message
    before, _, after = content.partition(core)
    return {**message, "content": f"{before}{opening}{core}{closing}{after}"}
