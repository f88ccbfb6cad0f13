"""Red flags: what must not wait, found by rules in what a person writes, before anything else reads it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llmagentos.errors import InvalidRequestError

_SIMILAR = 0.85  # difflib's ratio, from which on a word counts as a misspelling
# "no chest pain", "I don't have any chest pain"; but "not just", "not sure", "can't" deny nothing.
_DENIED = re.compile(
    r"\b(?:no|without(?: any)?|(?:do not|don't|does not|doesn't|did not|didn't|have not|haven't|hasn't|never)"
    r"(?: (?:have|had|has|got|feel|felt|get))+(?: any| a)?|den(?:y|ies|ied)(?: any)?|no longer have)\s*$"
)


class Rule(BaseModel):
    """A red flag.

    Attributes:
        patterns: one of them must match.
        also: one of them must match as well, where there are any.
        crisis: whether it is about ending one's life, for which there is another text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    patterns: tuple[str, ...]
    also: tuple[str, ...] = ()
    crisis: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    spelling: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class RedFlag:
    """A red flag that was raised, and by which words."""

    name: str
    words: str
    crisis: bool = False


class RedFlags:
    """The rules of a file.

    They are made to warn once too often rather than once too little; only a plain denial right in front of the words
    ("no chest pain") keeps one from being raised.
    """

    def __init__(self, path: Path) -> None:
        try:
            file = _File.model_validate(_parsed(path.read_text(encoding="utf-8")))
            self._rules = [
                (rule, [_compiled(p) for p in rule.patterns], [_compiled(p) for p in rule.also]) for rule in file.rules
            ]
        except (OSError, ValueError, ValidationError, re.error) as error:
            raise InvalidRequestError(f"{path}: {error}") from None
        self._spelling = file.spelling

    def found_in(self, text: str) -> RedFlag | None:
        """The first rule that a text meets; None where it meets none."""
        plain = " ".join(text.lower().replace("’", "'").replace("-", " ").split())
        for version in dict.fromkeys((plain, self._put_right(plain))):
            for rule, patterns, also in self._rules:
                if also and not any(pattern.search(version) for pattern in also):
                    continue
                for pattern in patterns:
                    for match in pattern.finditer(version):
                        if not _DENIED.search(version[: match.start()]):
                            return RedFlag(rule.name, match[0], rule.crisis)
        return None

    def _put_right(self, text: str) -> str:
        def right(match: re.Match[str]) -> str:
            close = get_close_matches(match[0], self._spelling, n=1, cutoff=_SIMILAR)
            return close[0] if close else match[0]

        return re.sub(r"[a-z]{4,}", right, text)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern at word boundaries, in which {n} stands for up to n words in between."""
    between = re.sub(r"\{(\d)\}", r"(?:\\W+[\\w']+){0,\1}\\W+", pattern)
    return re.compile(rf"\b(?:{between})\b", re.IGNORECASE)


def _parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    values: dict[str, Any] = tomllib.loads(text)
    return values
