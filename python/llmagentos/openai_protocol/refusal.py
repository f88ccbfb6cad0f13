"""Why a request is not valid, in words that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmagentos.errors import shown


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told.

    Attributes:
        message: for people.
        code: for programs; None where there is no word for it.
        param: the field at fault, with dots before the parts of a part; None for the body as a whole.
    """

    message: str
    code: str | None
    param: str | None


def refusal_of(error: Mapping[str, Any]) -> Refusal:
    """What an error of pydantic's says (one of `ValidationError.errors()`)."""
    place = [str(part) for part in error["loc"] if part != "body"]
    param = ".".join(place) or None
    name = param or "the body"
    if error["type"] == "extra_forbidden":
        return Refusal(f"{name} is not a field that is known here", "unknown_field", param)
    if error["type"] == "missing":
        return Refusal(f"{name} is missing", "missing_field", param)
    return Refusal(f"{name}={shown(error.get('input'))} is not valid: {error['msg']}", None, param)
