"""The newest turns of a conversation, and a note of how many are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmagentos.agents.conversation import Turn, turns_of
from llmagentos.agents.memory.view import Memory, View, background_of
from llmagentos.agents.model_calls import ChatModel
from llmagentos.agents.session import Session
from llmagentos.errors import ContextLengthError, InvalidRequestError, shown

TOKENS_PER_MESSAGE = 8  # what chat templates write around a message, at most in those of the catalogue's models


class RecentMemory(Memory):
    """Whole turns from the end of the conversation, as many as fit. Nothing is cut out of a turn.

    Args:
        max_turns: that the model is shown at most, the one under way among them.
        max_tokens: that the turns may have together, for a model that can count them (`tokenize`); an estimate from
            above, since the template's own tokens are not known exactly. The goal and the tools are not counted.

    Raises:
        InvalidRequestError: neither is given, or one that is no integer of at least 1.
    """

    def __init__(self, max_turns: int | None = None, max_tokens: int | None = None) -> None:
        if max_turns is None and max_tokens is None:
            raise InvalidRequestError("RecentMemory needs max_turns or max_tokens")
        for name, value in (("max_turns", max_turns), ("max_tokens", max_tokens)):
            if value is not None and (type(value) is not int or value < 1):
                raise InvalidRequestError(f"{name}={shown(value)} is not valid: it must be an integer of at least 1")
        self._max_turns, self._max_tokens = max_turns, max_tokens

    async def view(self, session: Session, model: ChatModel, /) -> View:
        """
        Raises:
            ContextLengthError: the turn under way alone has too many tokens; says how many.
        """
        summary, turns = turns_of(session.records)
        kept = turns if self._max_turns is None else turns[-self._max_turns :]
        if self._max_tokens is not None:
            kept = self._that_fit(kept, model, self._max_tokens)
        n_left_out = len(turns) - len(kept)
        notes = (f"{n_left_out} of {len(turns)} turns are left out",) if n_left_out else ()
        return View([message for turn in kept for message in turn], background_of(summary), notes)

    def _that_fit(self, turns: Sequence[Turn], model: ChatModel, limit: int) -> list[Turn]:
        kept: list[Turn] = []
        n_tokens = 0
        for turn in reversed(turns):
            n_tokens += _tokens_of(turn, model)
            if n_tokens > limit:
                break
            kept.insert(0, turn)
        if turns and not kept:
            raise ContextLengthError(
                f"the turn has about {n_tokens} tokens, {n_tokens - limit} more than max_tokens={limit} of its memory",
                n_tokens,
                limit,
            )
        return kept


def _tokens_of(turn: Turn, model: ChatModel) -> int:
    tokenize = getattr(model, "tokenize", None)
    if tokenize is None:
        raise InvalidRequestError(f"max_tokens needs a model that counts tokens, and {model!r} does not: use max_turns")
    return sum(len(tokenize(_text_of(message))) + TOKENS_PER_MESSAGE for message in turn)


def _text_of(message: dict[str, Any]) -> str:
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return "".join([message["content"], *(f"{call['name']} {call['arguments']}" for call in calls)])
