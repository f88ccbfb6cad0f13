"""What a model is shown of a conversation, as a kind of memory chooses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from llmagentos.agents.conversation import Message, turns_of
from llmagentos.agents.model_calls import ChatModel
from llmagentos.agents.session import Session


@dataclass(frozen=True, slots=True)
class View:
    """Attributes:
    messages: of the conversation.
    background: what the system message says besides.
    notes: what is left out or added, for whoever follows the run.
    """

    messages: list[Message]
    background: str = ""
    notes: tuple[str, ...] = ()


class Memory(ABC):
    """Chooses what a model is shown. Whatever it leaves out of a view stays in the session."""

    @abstractmethod
    async def view(self, session: Session, model: ChatModel, /) -> View:
        """For the model's next answer."""


class FullMemory(Memory):
    """The whole conversation. One that outgrows the model's context is the model's ContextLengthError."""

    async def view(self, session: Session, _model: ChatModel, /) -> View:
        return whole_view(session)


def whole_view(session: Session) -> View:
    """All turns, with the summary of those before them if there is one."""
    summary, turns = turns_of(session.records)
    return View([message for turn in turns for message in turn], background_of(summary))


def background_of(summary: str | None) -> str:
    return "" if summary is None else f"Summary of the conversation so far: {summary}"
