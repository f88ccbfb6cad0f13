"""JSON pointers (RFC 6901) into a schema."""

from __future__ import annotations


def escape(name: str) -> str:
    """A name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def place(pointer: str) -> str:
    """How a message calls it."""
    return f"schema at {pointer or 'its root'}"
