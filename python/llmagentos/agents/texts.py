"""Halves of characters (lone surrogates), which Python makes of bytes that are no text, and no model takes."""

from __future__ import annotations


def is_unicode(value: object) -> bool:
    """Whether it is a text that has none."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_unicode(text: str) -> str:
    """The text with a question mark for each."""
    return text.encode("utf-8", "replace").decode()
