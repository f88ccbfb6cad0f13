"""Leaflets: paragraphs of information, each with the place where it stands and what the leaflet rests on."""

from __future__ import annotations

import re
from pathlib import Path

from llmagentos.errors import InvalidRequestError
from llmagentos.tools.retrieval import Passage, PassageIndex

MIN_COVERAGE = 0.55  # of a question's words that a paragraph must have to answer it
_SOURCE = "Source: "
_NO_SOURCE = "Not compared with a source."


class Leaflets:
    """The leaflets (.md) of a folder.

    The last paragraph of each says what it was compared with, and when ("Source: ..."), or that it was compared with
    nothing ("Not compared with a source. ..."). It is told with whatever is quoted.

    Raises:
        InvalidRequestError: one says neither.
    """

    def __init__(self, folder: Path) -> None:
        self._paragraphs: dict[str, list[Passage]] = {}
        self._rests_on: dict[str, str] = {}
        for path in sorted(folder.glob("*.md")):
            *paragraphs, last = _paragraphs_of(path)
            if not last.text.startswith((_SOURCE, _NO_SOURCE)):
                raise InvalidRequestError(f"{path}: the last paragraph must begin with {_SOURCE!r} or {_NO_SOURCE!r}")
            self._paragraphs[path.stem] = [paragraph for paragraph in paragraphs if not paragraph.text.startswith("#")]
            self._rests_on[path.stem] = re.sub(f"^{_SOURCE}", "Based on: ", last.text)
        self._count = sum(map(len, self._paragraphs.values()))
        self._index = PassageIndex(paragraph for own in self._paragraphs.values() for paragraph in own)

    def about(self, question: str, name: str | None = None) -> str | None:
        """What the leaflets, or only the one of that name, say about a question; None where they say nothing."""
        found = self._index.search(question, limit=self._count, min_coverage=MIN_COVERAGE)
        fitting = [passage for passage in found if name is None or passage.source == name]
        return self._told(fitting[:1]) if fitting else None

    def on(self, name: str) -> str | None:
        """All of a leaflet; None where there is none of that name."""
        return self._told(self._paragraphs[name]) if name in self._paragraphs else None

    def _told(self, passages: list[Passage]) -> str:
        paragraphs = [f"{passage.text} [{passage.source}.md:{passage.line}]" for passage in passages]
        return "\n".join([*paragraphs, self._rests_on[passages[0].source]])


def _paragraphs_of(path: Path) -> list[Passage]:
    found: list[Passage] = []
    line = 1
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        if text := " ".join(block.split()):
            found.append(Passage(path.stem, line + len(block) - len(block.lstrip("\n")), text))
        line += block.count("\n") + 2
    return found
