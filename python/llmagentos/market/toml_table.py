"""TOML files, read into checked values."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from llmagentos.errors import InvalidRequestError, shown

T = TypeVar("T")


def parse_toml(where: str, text: str) -> dict[str, Any]:
    """The values of a TOML file; `where` names it in errors.

    Raises:
        InvalidRequestError: it is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequestError(f"{where}: not TOML: {error}") from None
    return values


class Table:
    """A TOML table whose fields are taken one by one, each checked, with none left over.

    Args:
        where: what errors call it.
    """

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        self.where, self.values = where, dict(values)

    def fault(self, message: str) -> InvalidRequestError:
        return InvalidRequestError(f"{self.where}: {message}")

    def has(self, field: str) -> bool:
        return field in self.values

    def take(self, field: str, kind: type[T]) -> T:
        if field not in self.values:
            raise self.fault(f"the field '{field}' is missing")
        value = self.values.pop(field)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fault(f"'{field}' must be of type {kind.__name__}, not {shown(value)}")
        return value

    def text(self, field: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self.take(field, str)
        if not value.strip() or (pattern is not None and not pattern.fullmatch(value)):
            raise self.fault(f"'{field}' is not well formed: {shown(value)}")
        return value

    def texts(self, field: str, pattern: re.Pattern[str] | None = None) -> tuple[str, ...]:
        """A list of texts; none where the field is missing."""
        values = self.take(field, list) if self.has(field) else []
        for value in values:
            if (
                not isinstance(value, str)
                or not value.strip()
                or (pattern is not None and not pattern.fullmatch(value))
            ):
                raise self.fault(f"'{field}' holds a value that is not well formed: {shown(value)}")
        return tuple(values)

    def count(self, field: str) -> int:
        value = self.take(field, int)
        if value <= 0:
            raise self.fault(f"'{field}' must be positive, not {shown(value)}")
        return value

    def done(self) -> None:
        if self.values:
            raise self.fault(f"unknown field {shown(next(iter(self.values)))}")
