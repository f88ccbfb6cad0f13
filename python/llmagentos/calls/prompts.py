"""What callers pass as prompts, checked and turned into token ids."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import InvalidRequestError, shown

if TYPE_CHECKING:
    from llmagentos.chat.templates import ChatTemplate
    from llmagentos.chat.tool_calls.tools import ToolSet
    from llmagentos.formats.tokenizer import Tokenizer

Prompt: TypeAlias = "str | Sequence[int] | NDArray[np.integer[Any]]"
Message: TypeAlias = "Mapping[str, Any]"
_T = TypeVar("_T")
_R = TypeVar("_R")
BINARY = (bytes, bytearray, memoryview)  # sequences of numbers too, but never meant as token ids


def is_token_ids(value: object) -> bool:
    """Whether this is one prompt of token ids, rather than a list of prompts. An empty list is a list of prompts."""
    if isinstance(value, BINARY):
        raise _no_prompt(value)
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Integral)


def is_messages(value: object) -> bool:
    """Whether this is a conversation rather than a prompt."""
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Mapping)


def each(items: Sequence[_T], kind: str | None, act: Callable[[_T], _R]) -> list[_R]:
    """act on each item; what is wrong with one says which one, where there is a kind to call them by."""
    results = []
    for index, item in enumerate(items):
        try:
            results.append(act(item))
        except InvalidRequestError as error:
            if kind is not None:
                error.args = (f"{kind} {index}: {error}",)
            raise
    return results


def is_list_of_prompts(value: object) -> bool:
    """Whether this is a list of texts, of lists of token ids or of conversations."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, (str, *BINARY))
        and bool(value)
        and (isinstance(value[0], (str, Sequence, np.ndarray)))
    )


def is_batch(messages: object) -> bool:
    """Whether this is a list of conversations, each a list itself."""
    return (
        isinstance(messages, Sequence)
        and not isinstance(messages, str)
        and bool(messages)
        and isinstance(messages[0], Sequence)
        and not isinstance(messages[0], str)
    )


def check_text(text: object) -> None:
    if not isinstance(text, str):
        raise InvalidRequestError(f"text must be a string, not {type(text).__name__}{_decode_hint(text)}")


def _no_prompt(value: object) -> InvalidRequestError:
    kind = type(value).__name__
    return InvalidRequestError(f"a prompt must be a string or a list of token ids, not {kind}{_decode_hint(value)}")


def _decode_hint(value: object) -> str:
    return ": decode bytes first" if isinstance(value, BINARY) else ""


def check_positive(name: str, value: Any, most: int | None = None, least: int = 1) -> None:
    """An integer from `least` (to `most`), or None.

    Raises:
        InvalidRequestError: anything else; names the argument and its value.
    """
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (is_integer and least <= value and (most is None or value <= most)):
        domain = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
        raise InvalidRequestError(f"{name}={shown(value)} is not valid: it must be None or {domain}")


def check_seconds(name: str, value: Any) -> None:
    """A number of seconds above zero that a float holds, or None.

    Raises:
        InvalidRequestError: anything else; names the argument and its value.
    """
    if value is not None and not (not isinstance(value, bool) and isinstance(value, Real) and _float(value) > 0):
        raise InvalidRequestError(f"{name}={shown(value)} is not valid: it must be None or seconds above 0, as a float")


def _float(value: Real) -> float:
    """The number; NaN where a float does not hold it."""
    try:
        return float(value)
    except OverflowError:
        return math.nan


@dataclass(frozen=True, slots=True)
class TokenizerInfo:
    """What a model's files say of its tokenizer; None for what they do not have.

    Attributes:
        bos_token, eos_token, pad_token, unk_token: the texts of special tokens.
        chat_template: the source of the template that makes a prompt of messages (Jinja).
    """

    bos_token: str | None
    eos_token: str | None
    pad_token: str | None
    unk_token: str | None
    chat_template: str | None


class PromptEncoder:
    """Encodes strings, token ids and conversations for one model.

    Args:
        tokenizer: the model's.
        chat_template: source of the model's chat template, or None where the file has none.
        model_name: for messages.
    """

    def __init__(self, tokenizer: Tokenizer, chat_template: str | None, model_name: str) -> None:
        self._tokenizer = tokenizer
        self._template_source = chat_template
        self._template: ChatTemplate | None = None
        self._model_name = model_name

    @property
    def has_chat_template(self) -> bool:
        return self._template_source is not None

    @property
    def tokenizer_info(self) -> TokenizerInfo:
        tokenizer = self._tokenizer

        def text(id: int | None) -> str | None:
            return None if id is None else tokenizer.token_text(id)

        return TokenizerInfo(
            bos_token=text(tokenizer.bos_id),
            eos_token=text(tokenizer.eos_id),
            pad_token=text(tokenizer.pad_id),
            unk_token=text(tokenizer.unk_id),
            chat_template=self._template_source,
        )

    def encode(self, prompt: Prompt) -> list[int]:
        """Ids of a prompt: text with the model's own special tokens added, ids as they are."""
        if isinstance(prompt, str):
            return self._tokenizer.encode(prompt, add_special=True, parse_special=True)
        if isinstance(prompt, BINARY) or not isinstance(prompt, (Sequence, np.ndarray)):
            raise _no_prompt(prompt)
        return self.checked_ids(prompt)

    def encode_chat(self, messages: object, tool_set: ToolSet | None = None) -> list[int]:
        """Ids of a conversation, up to where the answer begins.

        Args:
            tool_set: what the answer may call.
        """
        from llmagentos.chat.encoding import encode_conversation
        from llmagentos.chat.messages import checked_messages
        from llmagentos.chat.tool_calls.formats import format_of
        from llmagentos.chat.tool_calls.rendering import conversation_of

        checked, template = checked_messages(messages), self._chat_template()
        takes_system = tool_set is None or template.takes_system_message()
        conversation = conversation_of(checked, tool_set, format_of(self._template_source), takes_system)
        return encode_conversation(conversation, template, self._tokenizer)

    def checked_ids(self, ids: Any) -> list[int]:
        """Token ids as a list of ints, each inside the vocabulary."""
        if isinstance(ids, (str, *BINARY)) or not isinstance(ids, (Sequence, np.ndarray)):
            raise InvalidRequestError(f"ids must be a list of token ids, not {type(ids).__name__}{_decode_hint(ids)}")
        n_vocab = self._tokenizer.n_vocab
        for index, token in enumerate(ids):
            if isinstance(token, bool) or not isinstance(token, Integral) or not 0 <= int(token) < n_vocab:
                raise InvalidRequestError(
                    f"token id {shown(token)} at index {index} is not valid: it must be an integer from 0 to "
                    f"{n_vocab - 1}"
                )
        return [int(token) for token in ids]

    def _chat_template(self) -> ChatTemplate:
        if self._template_source is None:
            raise InvalidRequestError(
                f"{self._model_name} has no chat template, so it cannot chat; use generate() or generate_text(), which "
                "continue a text"
            )
        if self._template is None:
            from llmagentos.chat.templates import ChatTemplate

            tokenizer = self._tokenizer
            texts = ["" if id is None else tokenizer.token_text(id) for id in (tokenizer.bos_id, tokenizer.eos_id)]
            self._template = ChatTemplate(self._template_source, bos_token=texts[0], eos_token=texts[1])
        return self._template
