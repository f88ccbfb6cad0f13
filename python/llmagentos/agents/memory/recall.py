"""The newest turns, and of older ones, also of other conversations, those that have to do with what is said now."""

from __future__ import annotations

from collections.abc import Sequence

from llmagentos.agents.conversation import Turn, turn_starts, turns_of
from llmagentos.agents.memory.summary import written
from llmagentos.agents.memory.vectors import FoundText, TextStore
from llmagentos.agents.memory.view import Memory, View, background_of
from llmagentos.agents.model_calls import ChatModel
from llmagentos.agents.session import Session
from llmagentos.errors import InvalidRequestError
from llmagentos.own_thread import in_own_thread
from llmagentos.tools.chunking import chunk_text

PIECE = 1000  # characters of a turn that are found and shown together


class RecallMemory(Memory):
    """Keeps turns that grow old in a store, and shows those closest to the user's last words beside the newest turns.

    A long turn is kept in pieces of up to 1,000 characters, each of which is recalled by itself.

    Args:
        store: where they are kept; several conversations that share one remember each other's turns.
        keep_turns: the newest turns, which are shown as they were.
        n_recalled: older turns, or pieces of long ones, that are shown besides, at most.
        min_score: cosine below which a turn has nothing to do with what is said.

    Raises:
        InvalidRequestError: a number below 1.
    """

    def __init__(self, store: TextStore, keep_turns: int = 6, n_recalled: int = 3, min_score: float = 0.3) -> None:
        if keep_turns < 1 or n_recalled < 1:
            raise InvalidRequestError(f"keep_turns={keep_turns} and n_recalled={n_recalled} must be at least 1")
        self._store = store
        self._keep_turns, self._n_recalled, self._min_score = keep_turns, n_recalled, min_score

    async def view(self, session: Session, _model: ChatModel, /) -> View:
        summary, turns = turns_of(session.records)
        found = await in_own_thread(lambda: self._recalled(session, turns))
        background = [text for text in (background_of(summary), _told(found)) if text]
        n_left_out = max(0, len(turns) - self._keep_turns)
        notes = [f"{n_left_out} of {len(turns)} turns are left out"] if n_left_out else []
        notes += [f"recalled ({one.score:.2f}): {one.text}" for one in found]
        messages = [message for turn in turns[-self._keep_turns :] for message in turn]
        return View(messages, "\n\n".join(background), tuple(notes))

    def _recalled(self, session: Session, turns: Sequence[Turn]) -> list[FoundText]:
        older, starts = turns[: -self._keep_turns], turn_starts(session.records)
        keyed = [(f"{session.id}:{start}", turn) for start, turn in zip(starts, older, strict=False)]
        self._store.add([item for key, turn in keyed if key not in self._store for item in _pieces(key, turn)])
        if not turns:
            return []
        found = self._store.search(turns[-1][0]["content"], self._n_recalled)
        return [one for one in found if one.score >= self._min_score]


def _pieces(key: str, turn: Turn) -> list[tuple[str, str]]:
    """A turn's text in pieces that models can embed, each with a key; the first has the turn's."""
    chunks = chunk_text(written([turn]), PIECE)
    return [(f"{key}:{number}" if number else key, chunk.text) for number, chunk in enumerate(chunks)]


def _told(found: Sequence[FoundText]) -> str:
    if not found:
        return ""
    return "From earlier conversations:\n" + "\n".join(f"- {one.text}" for one in found)
