"""What is wrong with a reply that is not as its protocol says."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

MAX_FAULT = 200  # characters


def fault_in(error: ValueError) -> str:
    """What is wrong with a reply, without what it holds."""
    if not isinstance(error, ValidationError):
        return f"it cannot be read: {error}"[:MAX_FAULT]
    first: dict[str, Any] = dict(error.errors(include_url=False, include_context=False, include_input=False)[0])
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
