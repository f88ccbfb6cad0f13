"""Texts that are found by their meaning, in an SQLite file, for more of them than memory should hold."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from llmagentos.agents.memory.vectors import Embedder, FoundText, check_count, vectors_of
from llmagentos.agents.texts import as_unicode
from llmagentos.errors import InvalidRequestError, LLMAgentOSError

if TYPE_CHECKING:
    import apsw

BUSY_MILLISECONDS = 30_000  # to wait for other writers
MAX_FOUND = 4096  # what sqlite-vec finds at once


class SQLiteVectorStore:
    """Keeps texts and vectors in a file, searched exactly by sqlite-vec. Any number of processes may use one file.

    A text that is longer than the embedder takes is kept whole, and found by its beginning.

    Args:
        path: the file; made where it is missing.
        embedder: the model whose vectors the file holds.

    Raises:
        LLMAgentOSError: the packages apsw and sqlite-vec are missing, the file cannot be opened, or its vectors have
            another length than this model's.
    """

    def __init__(self, path: str | os.PathLike[str], embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._path = os.fspath(path)
        self._db = _connected(self._path)
        dim = embedder.embed(["dimension"]).shape[1]
        with self._writing():
            self._db.execute("CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, key TEXT UNIQUE, text TEXT)")
            self._db.execute(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS vectors USING vec0(embedding float[{dim}] distance_metric=cosine)"
            )
        definition = str(self._one("SELECT sql FROM sqlite_master WHERE name = 'vectors'"))
        if f"float[{dim}]" not in definition:
            raise LLMAgentOSError(f"{self._path} holds vectors of another length than {dim}, which this model's have")

    def __len__(self) -> int:
        with self._reading():
            return int(self._one("SELECT count(*) FROM texts"))

    def __contains__(self, key: object) -> bool:
        with self._reading():
            return bool(self._one("SELECT count(*) FROM texts WHERE key = ?", as_unicode(str(key))))

    def add(self, items: Sequence[tuple[str, str]]) -> None:
        """Keeps (key, text) pairs, all or none; a key that is there already gets the new text."""
        if not items:
            return
        vectors = vectors_of(self._embedder, [text for _, text in items])
        with self._writing():
            for (key, text), vector in zip(items, vectors, strict=True):
                row = self._one(
                    "INSERT INTO texts (key, text) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text "
                    "RETURNING id",
                    as_unicode(key),
                    as_unicode(text),
                )
                self._db.execute("DELETE FROM vectors WHERE rowid = ?", (row,))
                blob = np.ascontiguousarray(vector, np.float32).tobytes()
                self._db.execute("INSERT INTO vectors (rowid, embedding) VALUES (?, ?)", (row, blob))

    def search(self, query: str, k: int = 3) -> list[FoundText]:
        """The k texts closest to the query, the closest first; k is 4,096 at most."""
        check_count(k)
        if k > MAX_FOUND:
            raise InvalidRequestError(f"k={k} is not valid: at most {MAX_FOUND:,} texts can be found at once")
        vector = np.ascontiguousarray(vectors_of(self._embedder, [query])[0], np.float32).tobytes()
        with self._reading():
            rows = self._db.execute(
                "SELECT key, text, distance FROM vectors JOIN texts ON texts.id = vectors.rowid "
                "WHERE embedding MATCH ? AND k = ? ORDER BY distance",
                (vector, k),
            )
            found = list(rows)
        return [FoundText(str(key), str(text), 1.0 - float(distance)) for key, text, distance in found]

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises: LLMAgentOSError where SQLite cannot do it."""
        import apsw

        try:
            with self._lock:
                yield
        except apsw.Error as error:
            raise LLMAgentOSError(f"{self._path}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that waits for the file at its beginning: where it began with reading, and somebody else has
        written meanwhile, waiting would not help."""
        with self._reading():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise

    def _one(self, statement: str, *values: str) -> Any:
        """The first column of a statement's one row."""
        return next(iter(self._db.execute(statement, values).fetchall()))[0]


def _connected(path: str) -> apsw.Connection:
    # APSW brings an SQLite of its own, which loads extensions; that of many Pythons does not.
    try:
        import apsw
        import sqlite_vec
    except ImportError as error:
        raise LLMAgentOSError(f"{error}; vectors in SQLite need: pip install 'llmagentos[agents]'") from None
    try:
        db = apsw.Connection(path)
        db.set_busy_timeout(BUSY_MILLISECONDS)
        db.enable_load_extension(True)
        db.load_extension(sqlite_vec.loadable_path())
        db.enable_load_extension(False)
    except (apsw.Error, ValueError) as error:  # the latter where the path is none
        raise LLMAgentOSError(f"{path}: {error}") from error
    return db
