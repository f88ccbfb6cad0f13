"""Text to the terminal or the pipe, as it comes."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmagentos.errors import InvalidRequestError

if TYPE_CHECKING:
    from llmagentos.completion import Chunk, Completion, Usage

# Terminals act on these in text that a model wrote: escape sequences, the bell, cursor moves.
_CONTROLS = {code: "\ufffd" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) not in "\n\t"}
# Bytes that are not UTF-8 come as surrogates in arguments and paths.
_SURROGATES = re.compile("[\udc80-\udcff]")
_ESCAPES = {code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)}

# How standard output encodes what its encoding lacks.
ENCODE_ERRORS = "llmagentos.output"


def _encode_otherwise(error: UnicodeError) -> tuple[bytes, int]:
    """Surrogates as the bytes they stand for (as "surrogateescape"), anything else as a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    codes = map(ord, error.object[error.start : error.end])
    return bytes(code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else ord("?") for code in codes), error.end


codecs.register_error(ENCODE_ERRORS, _encode_otherwise)


def printable(text: str) -> str:
    """The text with control characters replaced: what files and models say goes to terminals only so."""
    return text.translate(_CONTROLS | _ESCAPES)


def piped(text: str) -> str:
    """Text with paths in it, such that standard output writes each path as its very bytes, whatever encoding it has."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(sys.getfilesystemencoding(), ENCODE_ERRORS).decode(encoding, "surrogateescape")


def json_of(value: object) -> str:
    """JSON in ASCII. Paths are what their bytes are in UTF-8, whatever the locale; other bytes are surrogates, as in
    Python.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = text.encode(sys.getfilesystemencoding(), ENCODE_ERRORS).decode("utf-8", "surrogateescape")
    return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)


def print_stream(chunks: Iterable[Chunk], max_tokens: int | None) -> Usage | None:
    """Write a stream's text, each token as it comes. Returns the token counts where the stream ran to its end.

    An answer that was cut, at `max_tokens` or because the context was full, is told of on standard error.

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
        tell_if_cut(chunk, max_tokens)
    return usage


def print_whole(answer: Completion, max_tokens: int | None) -> None:
    """Write an answer as `print_stream` does, in one piece."""
    sys.stdout.write(printable(answer.text) if sys.stdout.isatty() else answer.text)
    sys.stdout.flush()
    tell_if_cut(answer, max_tokens)


def tell_if_cut(chunk: Chunk | Completion | None, max_tokens: int | None) -> None:
    """Say on standard error if this is the last chunk of an answer that was cut, or the answer."""
    if chunk is not None and chunk.finish_reason == "length" and chunk.usage:
        print(f"\n(cut short: {_limit(chunk.usage, max_tokens)})", file=sys.stderr)


def _limit(usage: Usage, max_tokens: int | None) -> str:
    if usage.completion_tokens == max_tokens:
        return f"--max-tokens {max_tokens} is reached; 0 sets no limit"
    return f"the context is full, {usage.prompt_tokens} + {usage.completion_tokens} tokens"


def read_prompt(argument: str | None) -> str:
    """The prompt of the command line, or of standard input for "-" or where none is given and input is piped.

    Raises:
        InvalidRequestError: no prompt, and nothing piped in.
    """
    if argument is not None and argument != "-":
        return checked_argument(argument, "the prompt")
    if argument is None and sys.stdin.isatty():
        raise InvalidRequestError("no prompt: give it as an argument, or pipe it in")
    text = checked_input(sys.stdin.read()).removesuffix("\n")  # the shell's, not the prompt's
    if not text:
        raise InvalidRequestError("no prompt: standard input is empty")
    return text


def read_texts(arguments: list[str] | None) -> list[str]:
    """The texts of the command line, or the lines of standard input where there are none and input is piped.

    Raises:
        InvalidRequestError: no texts, and nothing piped in.
    """
    if arguments:
        return [checked_argument(text, "a text") for text in arguments]
    if sys.stdin.isatty():
        raise InvalidRequestError("no texts: give them as arguments, or pipe them in, one a line")
    return checked_input(sys.stdin.read()).splitlines()


def checked_input(text: str) -> str:
    """Text from standard input, in UTF-8 whatever the locale.

    Raises:
        InvalidRequestError: it holds bytes that are no UTF-8.
    """
    return _utf8(text, "standard input", getattr(sys.stdin, "encoding", None) or "utf-8")


def checked_argument(text: str, name: str) -> str:
    """Text from the command line, in UTF-8 whatever the locale; `name` is what to call it.

    Raises:
        InvalidRequestError: it holds bytes that are no UTF-8.
    """
    return _utf8(text, f"{name} on the command line", sys.getfilesystemencoding())


def _utf8(text: str, source: str, encoding: str) -> str:
    """Bytes that `encoding` does not have were read as surrogates: the text is what its bytes are in UTF-8."""
    if not _SURROGATES.search(text):
        return text
    try:
        return text.encode(encoding, "surrogateescape").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"{source} is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}; convert it to UTF-8"
        ) from None
