"""One text or several, as strings or as token ids."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

MAX_TEXTS = 2048  # of one request, as OpenAI has it: millions would fit into a body

# A list of another kind is left at its first item, or a long one would cost an error for each.
Texts = Annotated[list[str], Field(min_length=1, max_length=MAX_TEXTS, fail_fast=True)]
_Ids = Annotated[list[int], Field(min_length=1, fail_fast=True)]
_Prompts = Annotated[list[_Ids], Field(min_length=1, max_length=MAX_TEXTS, fail_fast=True)]
TextOrTexts: TypeAlias = str | Texts | _Ids | _Prompts


def one_by_one(given: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    """The texts as a list: a list of integers is one text."""
    if isinstance(given, str):
        return [given]
    ids = [item for item in given if isinstance(item, int)]
    return [ids] if ids else [item for item in given if not isinstance(item, int)]
