"""Text to the terminal or the pipe, as it comes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmagentos.errors import InvalidRequestError

if TYPE_CHECKING:
    from llmagentos.completion import Chunk, Usage

# Terminals act on these in text that a model wrote: escape sequences, the bell, cursor moves.
_CONTROLS = {code: "\ufffd" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    """The text with control characters replaced: what files and models say goes to terminals only so."""
    return text.translate(_CONTROLS)


def print_stream(chunks: Iterable[Chunk], max_tokens: int | None) -> Usage | None:
    """Write a stream's text, each token as it comes. Returns the token counts where the stream ran to its end.

    An answer that ended because the context was full, rather than at `max_tokens`, is told of on standard error.

    A pipe gets the text as it is. On a terminal control characters show as U+FFFD: a model may have been talked into
    writing escape sequences.
    """
    is_terminal = sys.stdout.isatty()
    usage = None
    for chunk in chunks:
        text = printable(chunk.text) if is_terminal else chunk.text
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
        usage = chunk.usage
        if chunk.finish_reason == "length" and usage and usage.completion_tokens != max_tokens:
            notice = f"(cut short: the context is full, {usage.prompt_tokens} + {usage.completion_tokens} tokens)"
            print(f"\n{notice}", file=sys.stderr)
    return usage


def read_prompt(argument: str | None) -> str:
    """The prompt of the command line, or of standard input for "-" or where none is given and input is piped.

    Raises:
        InvalidRequestError: no prompt, and nothing piped in.
    """
    if argument is not None and argument != "-":
        return argument
    if argument is None and sys.stdin.isatty():
        raise InvalidRequestError("no prompt: give it as an argument, or pipe it in")
    text = checked_input(sys.stdin.read()).removesuffix("\n")  # the shell's, not the prompt's
    if not text:
        raise InvalidRequestError("no prompt: standard input is empty")
    return text


def checked_input(text: str) -> str:
    """Text from standard input, which some locales read with bytes that are no UTF-8 kept as surrogates.

    Raises:
        InvalidRequestError: there are such bytes.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            f"standard input is not UTF-8: byte {text[error.start]!a} at {error.start}"
        ) from error
    return text
