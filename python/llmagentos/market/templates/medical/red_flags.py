"""Red flags: what must not wait, found by rules in what a person writes, before anything else reads it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from llmagentos.errors import InvalidRequestError

WINDOW = 9  # words among which those of a `near` rule must be
_SIMILAR = 0.85  # difflib's ratio, from which on a word counts as a misspelling
# "no chest pain", "I dont have any chest pain", "doesnt hurt"; but "not just", "not sure" and "cant" deny nothing.
_DENIED = re.compile(
    r"\b(?:no|without(?: any)?|(?:do not|dont|does not|doesnt|did not|didnt|have not|havent|hasnt|never|isnt|is not)"
    r"(?: (?:have|had|has|got|feel|felt|get|getting))*(?: any| a)?|den(?:y|ies|ied)(?: any)?|no longer have)\s*$"
)


class Rule(BaseModel):
    """A red flag, as the head of red_flags.toml says.

    Attributes:
        crisis: whether it is about ending one's life, for which there is another text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    near: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
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


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    near: list[list[re.Pattern[str]]]
    patterns: list[re.Pattern[str]]
    also: list[re.Pattern[str]]


class RedFlags:
    """The rules of a file.

    They are made to warn once too often rather than once too little; only a plain denial right in front of the words
    ("no chest pain") keeps one from being raised.

    Raises:
        InvalidRequestError: the file is not to be used; names it, and what is wrong.
    """

    def __init__(self, path: Path) -> None:
        try:
            file = _File.model_validate(_parsed(path.read_text(encoding="utf-8")))
            self._rules = [_compiled(rule) for rule in file.rules]
        except (OSError, ValueError, re.error) as error:
            raise InvalidRequestError(f"{path}: {error}") from None
        self._spelling = file.spelling

    def found_in(self, text: str) -> RedFlag | None:
        """The first rule that a text meets; None where it meets none."""
        plain = re.sub(r"['’]", "", text.lower()).replace("-", " ").replace("can not", "cannot")
        plain = " ".join(plain.split())
        for version in dict.fromkeys((plain, self._put_right(plain))):
            for compiled in self._rules:
                if compiled.also and not any(pattern.search(version) for pattern in compiled.also):
                    continue
                if (words := next(_raised(compiled, version), None)) is not None:
                    return RedFlag(compiled.rule.name, words, compiled.rule.crisis)
        return None

    def _put_right(self, text: str) -> str:
        close = {
            word: get_close_matches(word, self._spelling, n=1, cutoff=_SIMILAR)
            for word in set(re.findall(r"[a-z]{4,}", text))
        }
        return re.sub(r"[a-z]{4,}", lambda match: (close[match[0]] or [match[0]])[0], text)


def _raised(compiled: _Compiled, text: str) -> Iterator[str]:
    """The words that raise a rule, and are not denied."""
    for pattern in compiled.patterns:
        for match in pattern.finditer(text):
            if not _DENIED.search(text[: match.start()]):
                yield match[0]
    for sentence in re.split(r"[.!?;\n]+", text):
        words = list(re.finditer(r"\w+", sentence))
        for groups in compiled.near:
            for places in _together(words, groups):
                if not any(_DENIED.search(sentence[: words[place].start()]) for place in places):
                    yield sentence[words[min(places)].start() : words[max(places)].end()]


def _together(words: Sequence[re.Match[str]], groups: Sequence[re.Pattern[str]]) -> Iterator[tuple[int, ...]]:
    """Places of words, one of each group, within the window."""
    found = [{i for i, word in enumerate(words) if group.fullmatch(word[0])} for group in groups]
    for first in sorted(found[0]):
        around = range(first - WINDOW + 1, first + WINDOW)
        close = [[place for place in around if place in others] for others in found[1:]]
        yield from (
            (first, *places) for places in product(*close) if max(first, *places) - min(first, *places) < WINDOW
        )


def _compiled(rule: Rule) -> _Compiled:
    near = [[_group(group) for group in line.split("+")] for line in rule.near]
    return _Compiled(rule, near, [_pattern(text) for text in rule.patterns], [_pattern(text) for text in rule.also])


def _group(text: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word).replace(r"\*", r"\w*") for word in text.split()))


def _pattern(text: str) -> re.Pattern[str]:
    between = re.sub(r"\{(\d)\}", r"(?:\\W+\\w+){0,\1}\\W+", text)
    return re.compile(rf"\b(?:{between})\b")


def _parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    values: dict[str, Any] = tomllib.loads(text)
    return values
