"""Kinds of memory: what a model is shown of a conversation, and of others."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from llmagentos.agents.memory.recall import RecallMemory as RecallMemory
    from llmagentos.agents.memory.recent import RecentMemory as RecentMemory
    from llmagentos.agents.memory.sqlite_vectors import SQLiteVectorStore as SQLiteVectorStore
    from llmagentos.agents.memory.summary import SummaryMemory as SummaryMemory
    from llmagentos.agents.memory.vectors import VectorStore as VectorStore
    from llmagentos.agents.memory.view import FullMemory as FullMemory
    from llmagentos.agents.memory.view import Memory as Memory

_HOMES = {
    "FullMemory": "view",
    "Memory": "view",
    "RecallMemory": "recall",
    "RecentMemory": "recent",
    "SQLiteVectorStore": "sqlite_vectors",
    "SummaryMemory": "summary",
    "VectorStore": "vectors",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (a list; the names are those of _HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
