"""Finds the entry of the knowledge base that answers a question, or finds that none does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos.tools.retrieval import Passage, PassageIndex
from llmagentos.tools.words import ENGLISH_STOP_WORDS, without_stop_words, words

ALSO = "Also: "  # begins the line of other words for an entry, which is searched and not shown
# Words of many messages that say nothing of what they are about.
FILLERS = ENGLISH_STOP_WORDS | frozenset(
    """
    hello hi hey please thanks thank want wanted need get got getting know tell like help ask question wonder wondering
    possible able anything something everything someone still already yet also really maybe actually today yesterday
    buy bought order ordered orders you're alder pine shop one thing things much many let make go going would could
    long until may might shall say says said happen happens happened
    """.split()  # noqa: SIM905 (a list of as many lines says no more)
)
CANDIDATES = 4  # entries that the model reads for a question
OFFERED = 2  # entries that a customer is asked about where none is sure
# An entry's score is the share of the question's words that it has, and with a model GAIN_WEIGHT times how much it
# makes the question likelier, in nats a token. Bounds and weights were chosen on the questions in tests/questions.py.
GAIN_WEIGHT = 0.1
SURE, MARGIN, MAYBE = 0.55, 0.15, 0.35
TOLD_WEIGHT = 0.8  # of a word that only an entry's answer has, and not its question


class Reader(Protocol):
    """What reads: an `LLM` that generates texts."""

    def tokenize(self, text: str, add_special: bool = ..., parse_special: bool = ...) -> list[int]: ...

    def score(self, text: Sequence[int]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A question that customers ask, and its answer.

    Attributes:
        also: other words for the question.
        source, line: where it is written.
    """

    heading: str
    also: str
    text: str
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the knowledge base has for a question.

    Attributes:
        answer: the entry that answers it; None where that is not sure.
        maybe: where it is not, the entries that may be meant, the likeliest first.
    """

    answer: Entry | None
    maybe: tuple[Entry, ...] = ()


def read_entries(folder: Path) -> list[Entry]:
    """The entries of all .md files of a folder: what follows each line that begins with "## ".

    Raises:
        ValueError: an entry without a text, or no entry at all.
    """
    entries: list[Entry] = []
    for path in sorted(folder.glob("*.md")):
        lines = path.read_text(encoding="utf-8").splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
        for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
            body = [line.strip() for line in lines[start + 1 : end] if line.strip()]
            also = " ".join(line.removeprefix(ALSO) for line in body if line.startswith(ALSO))
            text = " ".join(line for line in body if not line.startswith(ALSO))
            if not text:
                raise ValueError(f"{path}, line {start + 1}: the entry has no text")
            entries.append(Entry(lines[start][3:].strip(), also, text, path.name, start + 1))
    if not entries:
        raise ValueError(f"{folder} has no entries: .md files with headings that begin with '## '")
    return entries


class Knowledge:
    """Entries that can be asked.

    Args:
        reader: a model that judges whether an entry is what a question is about; None leaves it to the words.
    """

    def __init__(self, entries: Sequence[Entry], reader: Reader | None = None) -> None:
        self._entries, self._reader = list(entries), reader
        self._asked = PassageIndex(Passage(str(n), 0, f"{one.heading} {one.also}") for n, one in enumerate(entries))
        self._told = PassageIndex(Passage(str(n), 0, one.text) for n, one in enumerate(entries))

    def find(self, question: str) -> Found:
        """The entry that answers a question, or those that may."""
        named = next((entry for entry in self._entries if words(entry.heading) == words(question)), None)
        if named is not None:
            return Found(named)
        ranked = self._by_words(question)[:CANDIDATES]
        if self._reader is not None and ranked:
            plain = self._likelihood("A customer of a shop asks:", question)
            gains = [self._likelihood(_read_before(entry), question) - plain for _, entry in ranked]
            scored = [(share + GAIN_WEIGHT * gain, entry) for (share, entry), gain in zip(ranked, gains, strict=True)]
            ranked = sorted(scored, key=lambda one: -one[0])
        scores = [score for score, _ in ranked]
        if scores and scores[0] >= SURE and (len(scores) == 1 or scores[0] - scores[1] >= MARGIN):
            return Found(ranked[0][1])
        return Found(None, tuple(entry for score, entry in ranked[:OFFERED] if score >= MAYBE))

    def _by_words(self, question: str) -> list[tuple[float, Entry]]:
        """Entries with the share of the question's words that they have, rare words counting more; best first."""
        shares = [0.0] * len(self._entries)
        total = 0.0
        for word in dict.fromkeys(without_stop_words(words(question), FILLERS)):
            asked, told = (
                {int(passage.source) for passage in index.search(word, limit=len(self._entries))}
                for index in (self._asked, self._told)
            )
            weight = math.log(1 + len(self._entries) / max(len(asked | told), 1))
            total += weight
            for number in asked | told:
                shares[number] += weight * (1 if number in asked else TOLD_WEIGHT)
        found = [(share / total, entry) for share, entry in zip(shares, self._entries, strict=True) if share > 0]
        return sorted(found, key=lambda one: -one[0])

    def _likelihood(self, before: str, question: str) -> float:
        """Mean log probability of the question's tokens after a text."""
        assert self._reader is not None  # noqa: S101 (asked by the caller)
        tokens = self._reader.tokenize(f" {question}", add_special=False, parse_special=False)
        context = self._reader.tokenize(before, parse_special=False)
        return float(np.mean(self._reader.score([*context, *tokens])[-len(tokens) :]))


def _read_before(entry: Entry) -> str:
    return f"From the help page of a shop:\n{entry.heading} ({entry.also})\n{entry.text}\n\nA customer of a shop asks:"
