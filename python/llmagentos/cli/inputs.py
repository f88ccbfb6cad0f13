"""What `llmagentos generate` reads: prompts from files, and JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmagentos.cli.output import read_prompt
from llmagentos.errors import InvalidRequestError

_STDIN = "-"


def prompt_of(argument: str | None, files: Sequence[Path]) -> str:
    """The prompt of the command line and of files, with a blank line between them.

    Raises:
        InvalidRequestError: there is none, standard input is named twice, or a text is not UTF-8.
        OSError: a file cannot be read.
    """
    if not files:
        return read_prompt(argument)
    names = [*([] if argument is None else [argument]), *map(str, files)]
    if names.count(_STDIN) > 1:
        raise InvalidRequestError("'-' is given more than once, and standard input can be read once only")
    parts = [] if argument is None else [read_prompt(argument)]
    parts += [read_prompt(_STDIN) if str(file) == _STDIN else _text_of(file) for file in files]
    if not any(parts):
        raise InvalidRequestError(f"no prompt: {' and '.join(map(str, files))} is empty")
    return "\n\n".join(parts)


def response_format_in(schema: Path) -> dict[str, Any]:
    """The response_format of a file with a JSON schema.

    Raises:
        InvalidRequestError: the file holds no JSON; says where.
        OSError: it cannot be read.
    """
    try:
        value = json.loads(_text_of(schema))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"--schema {schema} is not JSON: {error}") from None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": value}}


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"{file} is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}; convert it to UTF-8"
        ) from None
