"""One call to a model that generates: leased, prepared, run, charged, released."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request

from llmagentos.completion import Chunk, Completion, Usage
from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.event_stream import EventStream
from llmagentos.server.serving import charge

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.server.keys import Client
    from llmagentos.server.model_pool import Lease

_LAST_SECONDS = 30.0  # for what is written already to be read

Batch = list[tuple[int, Chunk]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks of a model.

    Attributes:
        prompts: prompts of `LLM.generate`, or messages of `LLM.chat`.
        sampling: fields of `SamplingParams`; what is left out is the model's choice.
        options: of `generate` or `chat`.
    """

    prompts: Any
    sampling: Mapping[str, Any]
    options: Mapping[str, Any]


Ask = Callable[[], Asked]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and for how long.

    Attributes:
        timeout: seconds that the model may take.
    """

    request: Request
    client: Client
    timeout: float


class Call(ABC):
    """A call whose prompts are checked, and which has not begun. Must be closed.

    Attributes:
        llm: the model.
    """

    def __init__(self, caller: Caller, lease: Lease) -> None:
        self.llm: LLM = lease.llm
        self._caller = caller
        self._lease = lease
        self._is_closed = False

    @property
    @abstractmethod
    def usage(self) -> Usage:
        """Tokens so far, of all completions together; a prompt counts once, from when the model begins with it."""

    @property
    @abstractmethod
    def sampling(self) -> Mapping[str, Any]:
        """Fields of `SamplingParams`, as far as they are known here."""

    @property
    @abstractmethod
    def first_ids(self) -> list[int | None]:
        """The first token of each prompt; None where only a service knows."""

    @property
    @abstractmethod
    def first_token_seconds(self) -> float | None:
        """From the call's arrival to its first token; None where there was none, or where nobody saw it."""

    @abstractmethod
    async def start(self) -> None:
        """Begin a stream.

        Raises:
            LLMAgentOSError, ApiError: it cannot, or the client has left; the call is closed.
        """

    @abstractmethod
    def batches(self) -> AsyncIterator[Batch]:
        """What comes of a begun stream: (number of the completion, chunk) of all that are ready, together.

        Raises:
            LLMAgentOSError, ApiError: it failed, or the time was over.
        """

    @abstractmethod
    async def _run(self) -> list[Completion]:
        """All completions, those of a prompt together. Cancelling the task ends them."""

    @abstractmethod
    def _end(self) -> None:
        """Drop what is unfinished."""

    async def completions(self) -> list[Completion]:
        """Run to the end: all completions, those of a prompt together.

        Raises:
            LLMAgentOSError, ApiError: it failed, the time was over, or the client has left.
        """
        try:
            return await unless_disconnected(self._caller.request, self._run())
        finally:
            self.close()

    def respond(self, events: AsyncIterator[bytes], failure: Callable[[Exception], bytes] | None = None) -> EventStream:
        """The response that sends a begun stream's events, and closes the call at its end."""
        return EventStream(events, self._caller.timeout + _LAST_SECONDS, self.close, failure)

    def close(self) -> None:
        """Cancel what is unfinished, charge what was used, and release the model. A second time does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._end()
        self._charge()
        self._lease.release()

    def _charge(self) -> None:
        usage, request = self.usage, self._caller.request
        request.state.usage, request.state.first_token_seconds = usage, self.first_token_seconds
        charge(request, usage.total_tokens)
