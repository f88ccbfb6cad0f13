"""One text or several, as strings or as token ids."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import FailFast, Field

# A list of another kind is left at its first item, or a long one would cost an error for each.
_Ids = Annotated[list[int], FailFast(), Field(min_length=1)]
TextOrTexts: TypeAlias = (
    str | Annotated[list[str], FailFast(), Field(min_length=1)] | _Ids | Annotated[list[_Ids], FailFast(), Field(min_length=1)]
)


def one_by_one(given: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    """The texts as a list: a list of integers is one text."""
    if isinstance(given, str):
        return [given]
    ids = [item for item in given if isinstance(item, int)]
    return [ids] if ids else [item for item in given if not isinstance(item, int)]
