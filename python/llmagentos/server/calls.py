"""One call to a model that generates: leased, prepared, run, charged, released."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import Request

from llmagentos.completion import Chunk, Completion, Usage
from llmagentos.sampling_params import SamplingParams
from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.errors import timed_out
from llmagentos.server.event_stream import EventStream
from llmagentos.server.serving import client_of, serving_of

if TYPE_CHECKING:
    from llmagentos.async_runs import ChunkStream
    from llmagentos.generation import Work
    from llmagentos.llm import LLM
    from llmagentos.server.keys import Client
    from llmagentos.server.model_pool import Lease

_LAST_SECONDS = 30.0  # for what is written already to be read

Batch = list[tuple[int, Chunk]]
Prepare = Callable[["LLM"], "tuple[Any, SamplingParams | None, dict[str, Any]]"]


class Call:
    """A call whose prompts are checked and encoded, and which has not begun. Must be closed.

    Attributes:
        llm: the model.
        work: its requests.
    """

    def __init__(self, request: Request, lease: Lease, work: Work, client: Client, timeout: float) -> None:
        self.llm = lease.llm
        self.work = work
        self._request = request
        self._lease = lease
        self._client = client
        self._timeout = timeout
        self._stream: ChunkStream | None = None
        self._is_closed = False

    @property
    def usage(self) -> Usage:
        """Tokens so far, of all completions together; a prompt counts once."""
        leaders = [group[0] for group in self.work.groups]
        return Usage(
            sum(request.n_input for request in leaders),
            sum(request.n_output for request in self.work.requests),
            sum(request.n_cached for request in leaders),
        )

    async def completions(self) -> list[Completion]:
        """Run to the end: all completions, those of a prompt together.

        Raises:
            ApiError: the time was over, or the client has left.
        """
        try:
            completions = await unless_disconnected(self._request, self.llm.arun(self.work))
            if any(completion.finish_reason == "timeout" for completion in completions):
                raise timed_out(self._timeout)
            return completions
        finally:
            self.close()

    def start(self) -> None:
        """Begin a stream.

        Raises:
            QueueFullError, InvalidRequestError: it cannot; the call is closed.
        """
        try:
            self._stream = self.llm.start(self.work)
        except BaseException:
            self.close()
            raise

    def respond(self, events: AsyncIterator[bytes], failure: Callable[[Exception], bytes] | None = None) -> EventStream:
        """The response that sends a begun stream's events, and closes the call at its end."""
        return EventStream(events, self._timeout + _LAST_SECONDS, self.close, failure)

    async def batches(self) -> AsyncIterator[Batch]:
        """What comes of a begun stream: (number of the completion, chunk) of all that are ready, together.

        Raises:
            ApiError: the time was over.
        """
        assert self._stream is not None  # noqa: S101  (begun)
        async for batch in self._stream:
            yield batch
            if any(chunk.finish_reason == "timeout" for _, chunk in batch):
                raise timed_out(self._timeout)

    def close(self) -> None:
        """Cancel what is unfinished, charge what was used, and release the model. A second time does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._stream is not None:
            self._stream.cancel()
        usage = self.usage
        self._request.state.n_tokens = usage.total_tokens
        self._client.charge(usage.total_tokens)
        self._lease.release()


async def open_call(request: Request, model: str, prepare: Prepare) -> Call:
    """Lease a model and prepare a call to it.

    Args:
        prepare: makes prompts (or messages), parameters and options for the model; called in a thread.

    Raises:
        ApiError, LLMAgentOSError: no such model, or a request that is not valid.
    """
    serving, client = serving_of(request), client_of(request)
    lease = await serving.models.lease(model)
    request.state.model = lease.name
    timeout = serving.config.request_timeout
    try:
        work = await serving.in_thread(partial(_prepared, lease.llm, prepare, client.name, timeout))
    except BaseException:
        lease.release()
        raise
    return Call(request, lease, work, client, timeout)


def _prepared(llm: LLM, prepare: Prepare, tenant: str, timeout: float) -> Work:
    prompts, params, options = prepare(llm)
    # Keys do not share the prefix cache: how fast an answer comes must not tell what others have asked.
    return llm.prepare(prompts, params, timeout=timeout, cache_salt=tenant or None, **options)
