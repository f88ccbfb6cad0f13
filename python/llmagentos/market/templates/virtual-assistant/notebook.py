"""Notes in a Markdown file, one to a line, found by their words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from llmagentos.tools.retrieval import Passage, PassageIndex
from llmagentos.tools.words import ENGLISH_STOP_WORDS, without_stop_words, words

MAX_FOUND = 3
_FILLERS = ENGLISH_STOP_WORDS | {"note", "notes", "noted", "say", "know", "please"}


class Notebook:
    """The notes of a file, which is made with the first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, text: str, today: date) -> None:
        """Adds a note below the others."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"- {today}: {' '.join(text.split())}\n")

    def find(self, question: str) -> list[str]:
        """The notes that have to do with a question, best first; without one, the newest."""
        notes = self._notes()
        wanted = without_stop_words(words(question), frozenset(_FILLERS))
        if not notes or not wanted:
            return notes[: -MAX_FOUND - 1 : -1]
        index = PassageIndex(Passage(self._path.name, number, note) for number, note in enumerate(notes))
        return [passage.text for passage in index.search(" ".join(wanted), limit=MAX_FOUND)]

    def answers(self, question: str) -> list[str]:
        """Those that have at least half of a question's words, and so may answer it."""
        wanted = without_stop_words(words(question), frozenset(_FILLERS))
        return [note for note in self.find(question) if 2 * sum(_has(note, word) for word in wanted) >= len(wanted) > 0]

    def _notes(self) -> list[str]:
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return [line.removeprefix("- ") for line in lines if line.strip()]


def _has(note: str, word: str) -> bool:
    """Whether a note has a word, or one that begins like it: "service", "serviced"."""
    return any(other == word or (len(word) > 4 and other.startswith(word[:5])) for other in words(note))
