"""Why a request is not valid, in words that name the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def refusal_of(errors: Sequence[Mapping[str, Any]], body: object, kind: str = "field") -> Refusal:
    """What the first of pydantic's errors says (`ValidationError.errors()`).

    Where a field may be of several kinds there is an error for each. What is told is that of the kind that was meant:
    one that has the type but not the value, or the one that was read furthest.

    Args:
        body: what was read.
        kind: what its parts are called.
    """
    path = _path_of(errors[0], body)
    of_field = [error for error in errors if _path_of(error, body)[: len(path)] == path]
    error = max(of_field, key=lambda one: (not _is_type(one), _depth(_path_of(one, body)))) if path else errors[0]
    path = _path_of(error, body)
    param = ".".join(map(str, path)) or None
    name = param or "the body"
    if error["type"] == "extra_forbidden":
        return Refusal(f"{name} is not a {kind} that is known here", "unknown_field", param)
    if error["type"] == "missing":
        return Refusal(f"{name} is missing", "missing_field", param)
    said = [one["msg"] for one in of_field if _path_of(one, body) == path and _is_type(one)] if _is_type(error) else []
    reasons = list(dict.fromkeys(said)) or [error["msg"]]
    others = "".join(reason.replace("Input should be", ", or") for reason in reasons[1:])
    return Refusal(f"{name}={shown(error.get('input'))} is not valid: {reasons[0]}{others}", None, param)


def _is_type(error: Mapping[str, Any]) -> bool:
    """Whether another type than the one that came was asked for."""
    return str(error["type"]).endswith("_type")


def _depth(path: tuple[str | int, ...]) -> tuple[int, ...]:
    return len(path), *(part for part in path if isinstance(part, int))


def _path_of(error: Mapping[str, Any], body: object) -> tuple[str | int, ...]:
    """Where in the body the error is, without pydantic's names for the kinds that a field may be of."""
    path: list[str | int] = []
    place = [part for part in error["loc"] if part != "body"]
    for n, part in enumerate(place, 1):
        is_index = isinstance(part, int) and isinstance(body, list) and part < len(body)
        if is_index or (isinstance(body, dict) and part in body):
            path.append(part)
            body = body[part]  # type: ignore[index]
        elif n == len(place) and error["type"] == "missing":
            path.append(part)
    return tuple(path)
