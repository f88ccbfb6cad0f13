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


def print_stream(chunks: Iterable[Chunk]) -> Usage | None:
    """Write a stream's text, each token as it comes. Returns the token counts where the stream ran to its end.

    A pipe gets the text as it is. On a terminal control characters show as U+FFFD: a model may have been talked into
    writing escape sequences.
    """
    is_terminal = sys.stdout.isatty()
    usage = None
    for chunk in chunks:
        text = chunk.text.translate(_CONTROLS) if is_terminal else chunk.text
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
        usage = chunk.usage
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
    return sys.stdin.read()
