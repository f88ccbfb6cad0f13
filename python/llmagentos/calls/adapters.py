"""The adapters that a model has loaded, by the names that calls choose them by."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llmagentos.errors import InvalidRequestError, ModelNotFoundError, shown

if TYPE_CHECKING:
    from llmagentos.models.lora import AdapterBase, LowRank


class AdapterHost(Protocol):
    """What runs a model and its adapters: an engine, or an encoder of texts."""

    def load_adapter(self, changes: Mapping[str, LowRank]) -> int:
        """Take an adapter on, and return the number that requests name it by; none is given twice."""

    def unload_adapter(self, adapter: int) -> None:
        """Free its memory. Raises InvalidRequestError while something under way uses it."""

    def check_open(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """An adapter that is loaded.

    Attributes:
        name: that calls choose it by.
        path: of its folder.
        max_rank: the highest rank of its factors.
        n_bytes: of its factors, as float32.
    """

    name: str
    path: str
    max_rank: int
    n_bytes: int


class Adapters:
    """Those of one model. Any number of threads may call it.

    Args:
        host: runs them.
        base: what they have to fit.
    """

    def __init__(self, host: AdapterHost, base: AdapterBase) -> None:
        self._host = host
        self._base = base
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[int, AdapterInfo]] = {}

    def infos(self) -> list[AdapterInfo]:
        """In the order in which they were loaded."""
        return [info for _, info in list(self._loaded.values())]

    def load_all(self, paths: Mapping[str, str | os.PathLike[str]]) -> None:
        """Load several, by name."""
        _check_mapping(paths)
        for name, path in paths.items():
            self.load(name, path)

    def load(self, name: str, path: str | os.PathLike[str]) -> None:
        """Load one under a name: see `LLM.load_adapter`."""
        from llmagentos.models.lora import open_adapter

        self._host.check_open()
        _check_name(name)
        folder = _folder(path)
        with self._lock:
            if name in self._loaded:
                raise InvalidRequestError(f"name={shown(name)} is not valid: an adapter of this name is loaded already")
            changes = open_adapter(folder, self._base)
            number = self._host.load_adapter(changes)
            ranks = [len(change.a) for change in changes.values()]
            n_bytes = sum(change.a.nbytes + change.b.nbytes for change in changes.values())
            self._loaded[name] = number, AdapterInfo(name, str(folder), max(ranks), n_bytes)

    def unload(self, name: str) -> None:
        """Free the memory of one: see `LLM.unload_adapter`."""
        with self._lock:
            try:
                self._host.unload_adapter(self._number(name))
            except InvalidRequestError as error:
                error.args = (f"adapter {shown(name)} {error}",) if name in self._loaded else error.args
                raise
            del self._loaded[name]

    def number_of(self, name: str | None) -> int | None:
        """What requests name it by; None for None.

        Raises:
            InvalidRequestError: it is not loaded.
        """
        return None if name is None else self._number(name)

    def _number(self, name: object) -> int:
        found = self._loaded.get(name) if isinstance(name, str) else None
        if found is None:
            known: Sequence[str] = list(self._loaded)
            which = f"these are: {', '.join(known)}" if known else "none is"
            raise InvalidRequestError(f"adapter={shown(name)} is not valid: it is not loaded; {which}")
        return found[0]


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidRequestError(f"name={shown(name)} is not valid: an adapter's name must be a text")


def _folder(path: object) -> Path:
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(name, str):
        raise InvalidRequestError(f"path={shown(path)} is not valid: it must be the path of an adapter's folder")
    if not os.path.isdir(name):
        raise ModelNotFoundError(f"there is no folder {name} with an adapter")
    return Path(name)


def _check_mapping(paths: object) -> None:
    if not isinstance(paths, Mapping):
        raise InvalidRequestError(f"adapters={shown(paths)} is not valid: it must map names to paths of folders")
