"""One call's JSON object, read letter by letter as it is generated."""

from __future__ import annotations

import json
from typing import Any


class CallScanner:
    """Follows `{"name": ..., "arguments": {...}}`, its keys in any order, and says what of the arguments is there.

    Args:
        arguments_key: what the object calls them.

    Attributes:
        name: the tool's, once it is known.
        done: the object is closed.
    """

    def __init__(self, arguments_key: str) -> None:
        self._arguments_key = arguments_key
        self.name: str | None = None
        self.done = False
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._key: str | None = None  # whose value is being read; None while a key is
        self._letters: list[str] = []  # of the key or value so far
        self._arguments: list[str] = []

    @property
    def arguments(self) -> str:
        """Their JSON text as far as it is there; white space at its end only once more follows."""
        return "".join(self._arguments).strip()

    def push(self, letter: str) -> None:
        """Take the next letter, the first of which is {."""
        if self._in_string:
            self._letters.append(letter)
            self._in_string = self._escaped or letter != '"'
            self._escaped = letter == "\\" and not self._escaped
        elif self._depth == 0:
            self._depth = 1
        elif self._depth == 1 and letter in ":,}":
            self._end_token(letter)
        else:
            self._letters.append(letter)
            self._in_string = letter == '"'
            self._depth += (letter in "{[") - (letter in "}]")

    def parsed(self) -> dict[str, Any] | None:
        """The arguments of a closed object; None where they are no JSON object, or there is no name."""
        try:
            arguments = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return None
        return arguments if self.name is not None and isinstance(arguments, dict) else None

    def _end_token(self, letter: str) -> None:
        text = "".join(self._letters)
        self._letters = []
        if letter == ":" and self._key is None:
            self._key = _string(text)
            if self._key == self._arguments_key:
                self._letters = self._arguments
        elif letter in ",}":
            if self._key == "name":
                self.name = _string(text)
            self._key = None
        self.done = letter == "}"


def _string(text: str) -> str | None:
    """The JSON string that this text is, or None."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
