"""Conversations in an SQLite file, which survive the process being killed between any two writes."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from llmagentos.agents.records import Record, conversation, to_json
from llmagentos.agents.session import Session, runs_already
from llmagentos.agents.texts import is_unicode
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, shown

_TABLE = """CREATE TABLE IF NOT EXISTS records (
    session TEXT NOT NULL, position INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (session, position)
) WITHOUT ROWID"""
BUSY_SECONDS = 30.0  # to wait for other writers


class SQLiteSession(Session):
    """The conversation of an id in a file, a new one where the file has none. To be used by one thread at a time.

    Each `append` is one transaction, on the disk when it returns. Records are numbered, and no number is given twice:
    of two processes that go on with one conversation, the second one's next write fails.

    While a run goes on with a conversation, a lock file beside the database keeps others from it, also those in other
    processes of this machine. The system frees it when the process dies.

    Args:
        path: the file, which holds any number of conversations; made where it is missing.
        id: which conversation.

    Raises:
        LLMAgentOSError: the file cannot be opened, or is no such file.
        InvalidRequestError: an empty id.
    """

    def __init__(self, path: str | os.PathLike[str], id: str) -> None:
        if not id or not is_unicode(id):
            raise InvalidRequestError(f"id={shown(id)} is not valid: it must be a non-empty string")
        self.id = id
        self._path = Path(path)
        self._db = _connected(self._path)
        rows = self._db.execute("SELECT record FROM records WHERE session = ? ORDER BY position", (id,)).fetchall()
        try:
            self._records: list[Record] = conversation(json.loads(row[0]) for row in rows)
        except (ValueError, TypeError, RecursionError, LLMAgentOSError) as error:
            self._db.close()
            raise LLMAgentOSError(f"{path}: the session {id!r} cannot be read: {error}") from None

    @property
    def records(self) -> Sequence[Record]:
        return self._records

    def append(self, *records: Record) -> None:
        start = len(self._records)
        rows = [
            (self.id, start + index, json.dumps(to_json(record), separators=(",", ":")))
            for index, record in enumerate(records)
        ]
        try:
            with self._db:
                self._db.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
        except sqlite3.IntegrityError:
            raise LLMAgentOSError(
                f"the session {self.id!r} in {self._path} has gone on elsewhere since it was opened: open it again"
            ) from None
        except sqlite3.Error as error:
            raise LLMAgentOSError(f"{self._path}: {error}") from error
        self._records += records

    @contextmanager
    def running(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        with super().running():
            if str(self._path) == ":memory:":  # which nobody else has
                yield
                return
            name = hashlib.sha256(self.id.encode()).hexdigest()[:16]
            path = self._path.with_name(f"{self._path.name}-{name}.run")
            # A run may end in another thread than it began in.
            lock = FileLock(path, thread_local=False)
            try:
                with self._alone():
                    lock.acquire(timeout=0)
            except Timeout:
                raise runs_already(self.id) from None
            except OSError as error:
                raise LLMAgentOSError(f"{path} cannot be locked: {error.strerror}") from error
            try:
                yield
            finally:
                try:
                    # Some systems keep the name of a file that is open, and the database may be closed or not writable.
                    with suppress(OSError, LLMAgentOSError), self._alone():
                        path.unlink()
                        lock.release()
                finally:
                    lock.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Held by one connection to the database at a time, while a lock file is locked or removed.

        Who locked one that is just removed would hold nothing.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise LLMAgentOSError(f"{self._path}: {error}") from error
        try:
            yield
        finally:
            self._db.commit()  # of nothing

    def close(self) -> None:
        self._db.close()


def session_ids(path: str | os.PathLike[str]) -> list[str]:
    """The conversations in a file, in alphabetical order.

    Raises:
        LLMAgentOSError: the file cannot be opened, or is no such file.
    """
    db = _connected(Path(path))
    try:
        return [row[0] for row in db.execute("SELECT DISTINCT session FROM records ORDER BY session")]
    finally:
        db.close()


def _connected(path: Path) -> sqlite3.Connection:
    try:
        # A run may await in one thread of an event loop and be resumed in another.
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        with db:
            db.execute(_TABLE)
    except (sqlite3.Error, ValueError) as error:  # the latter where the path is none
        raise LLMAgentOSError(f"{path}: {error}") from error
    return db
