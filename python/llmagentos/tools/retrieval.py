"""Finding the passages of a folder's documents that a question is about: by words (BM25) or by meaning (embeddings)."""

from __future__ import annotations

import math
import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.bounds import Count, Line
from llmagentos.tools.chunking import chunk_text
from llmagentos.tools.rooted import Root
from llmagentos.tools.tool import Tool, tool
from llmagentos.tools.web_page import page_text
from llmagentos.tools.words import ENGLISH_STOP_WORDS, words

ENDINGS = (".txt", ".md", ".rst", ".html", ".htm")
MAX_BYTES = 16 << 20  # of a document
MAX_PASSAGES = 20  # in one answer

# What questions are made of besides stop words; a passage need not have it to answer one.
_ASKING = frozenset("called define describe explain know long many mean means much often please say tell".split())  # noqa: SIM905


class Embedder(Protocol):
    """What makes embeddings, such as an `LLM` of an embedding model."""

    def embed(self, texts: Sequence[str], *, truncate: bool = ...) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document.

    Attributes:
        source: the document's path or name.
        line: number of its line in which the passage begins.
        score: how well it fits the question; comparable within one answer only.
    """

    source: str
    line: int
    text: str
    score: float = 0.0


class PassageIndex:
    """Passages that can be searched; in memory. Safe to use from several threads.

    Without an embedder, passages are ranked by BM25 (Robertson and Zaragoza, 2009) over their words, by SQLite's
    full-text index, in which English words count by their stems. With one, by the cosine of their embeddings to the
    question's.

    Raises:
        InvalidRequestError: there are no passages.
    """

    def __init__(self, passages: Iterable[Passage], embedder: Embedder | None = None) -> None:
        self._passages = list(passages)
        if not self._passages:
            raise InvalidRequestError("there is no passage to search")
        self._embedder = embedder
        if embedder is not None:
            self._vectors = _unit(embedder.embed([passage.text for passage in self._passages], truncate=True))
        else:
            self._lock = threading.Lock()
            self._words = _full_text(self._passages)

    def __len__(self) -> int:
        return len(self._passages)

    def search(self, query: str, limit: int = 5, *, min_coverage: float = 0.0) -> list[Passage]:
        """The passages that fit best, best first; fewer where no others share a word with the question.

        Args:
            min_coverage: share of the question's words that a passage must have, from 0 to 1, to be among them. Rare
                words count more (by their inverse document frequency), stop words not at all. For questions that
                the documents may not answer: sharing some word with them is then not enough, and a question of stop
                words alone finds nothing.

        Raises:
            InvalidRequestError: `min_coverage` is outside its domain, or an embedder ranks by meaning.
        """
        if not 0 <= min_coverage <= 1 or (min_coverage > 0 and self._embedder is not None):
            raise InvalidRequestError(
                f"min_coverage={min_coverage} is not valid: it must be from 0 to 1, and 0 with an embedder"
            )
        found = self._by_words(query, limit) if self._embedder is None else self._by_meaning(query, limit)
        if min_coverage > 0:
            coverage = self._coverage(query, [number for number, _ in found])
            found = [(number, score) for number, score in found if coverage[number] >= min_coverage]
        chosen = ((self._passages[number], score) for number, score in found)
        return [Passage(passage.source, passage.line, passage.text, score) for passage, score in chosen]

    def _by_words(self, query: str, limit: int) -> list[tuple[int, float]]:
        wanted = dict.fromkeys(words(query))
        if not wanted:
            return []
        # In quotes, words are words, and none is an operator of the index's own query language.
        terms = " OR ".join('"{}"'.format(word.replace('"', "")) for word in wanted)
        statement = "SELECT rowid, bm25(passages) FROM passages WHERE passages MATCH ? ORDER BY 2, 1 LIMIT ?"
        with self._lock:
            rows = self._words.execute(statement, (terms, limit)).fetchall()
        return [(number, -rank) for number, rank in rows]

    def _coverage(self, query: str, numbers: Sequence[int]) -> dict[int, float]:
        """Which share of the query's words each of some passages has, weighted by inverse document frequency."""
        wanted = list(dict.fromkeys(words(query)))
        telling = [word for word in wanted if word not in ENGLISH_STOP_WORDS and word not in _ASKING]
        weights: list[float] = []
        covered = dict.fromkeys(numbers, 0.0)
        places = ", ".join("?" * len(numbers))
        for word in telling:
            term = '"{}"'.format(word.replace('"', ""))
            with self._lock:
                (n_with,) = self._words.execute(
                    "SELECT count(*) FROM passages WHERE passages MATCH ?", (term,)
                ).fetchone()
                having = self._words.execute(
                    f"SELECT rowid FROM passages WHERE passages MATCH ? AND rowid IN ({places})",  # noqa: S608 (marks)
                    (term, *numbers),
                ).fetchall()
            weights.append(math.log(1 + (len(self._passages) - n_with + 0.5) / (n_with + 0.5)))
            for (number,) in having:
                covered[number] += weights[-1]
        return {number: weight / sum(weights) for number, weight in covered.items()} if weights else covered

    def _by_meaning(self, query: str, limit: int) -> list[tuple[int, float]]:
        assert self._embedder is not None  # noqa: S101 (asked by the caller)
        scores = self._vectors @ _unit(self._embedder.embed([query], truncate=True))[0]
        order = np.argsort(-scores, kind="stable")[:limit]
        return [(int(number), float(scores[number])) for number in order]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _full_text(passages: Sequence[Passage]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE VIRTUAL TABLE passages USING fts5(words, tokenize = 'porter unicode61')")
    rows = ((number, " ".join(words(passage.text))) for number, passage in enumerate(passages))
    connection.executemany("INSERT INTO passages (rowid, words) VALUES (?, ?)", rows)
    return connection


def read_passages(root: str | os.PathLike[str], size: int = 1000, overlap: int = 100) -> list[Passage]:
    """The passages of a folder's documents, which end in one of ENDINGS, in order of their paths.

    Args:
        size, overlap: of passages, in characters, as for `chunk_text`.

    Raises:
        InvalidRequestError: `root` is no folder, or an argument is outside its domain.
        ToolError: a document is no UTF-8 text or too large; or it is HTML, and the extra `tools` is not installed.
    """
    folder = Root(root)
    passages: list[Passage] = []
    for path, _ in folder.walk():
        if not path.lower().endswith(ENDINGS):
            continue
        text = folder.read_text(path, MAX_BYTES)
        text = page_text(text) if path.lower().endswith((".html", ".htm")) else text
        line, counted = 1, 0
        for chunk in chunk_text(text, size, overlap):
            line, counted = line + text.count("\n", counted, chunk.start), chunk.start
            passages.append(Passage(path, line, chunk.text))
    return passages


def retrieval_tool(root: str | os.PathLike[str], embedder: Embedder | None = None) -> Tool:
    """A tool that searches the documents below the folder `root`, which are read once, now.

    Args:
        embedder: an `LLM` of an embedding model, to search by meaning; None searches by words.

    Raises:
        InvalidRequestError, ToolError: as `read_passages`, or there is no document.
    """
    passages = read_passages(root)
    if not passages:
        raise InvalidRequestError(f"{str(root)!r} holds no documents; these end in {', '.join(ENDINGS)}")
    index = PassageIndex(passages, embedder)

    @tool(idempotent=True)
    def search_documents(query: Line, limit: Count = 3) -> list[dict[str, Any]]:
        """Find passages of the documents that answer a question, with their sources.

        Args:
            query: what to look for.
            limit: how many passages to return.
        """
        if not 1 <= limit <= MAX_PASSAGES:
            raise ToolError(f"limit={limit} is not valid: it must be 1 to {MAX_PASSAGES}")
        found = index.search(query, limit)
        # Where most passages have a question's words, what BM25 gives is all but zero: it counts beside the best only.
        best = found[0].score if found and embedder is None else 1.0
        return [{"source": f"{p.source}:{p.line}", "text": p.text, "score": round(p.score / best, 4)} for p in found]

    return search_documents
