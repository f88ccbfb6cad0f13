"""Calls to models of services: passed on, and answered as they are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from llmagentos.completion import Completion, Usage
from llmagentos.own_thread import in_own_thread
from llmagentos.providers.service_stream import ServiceStream
from llmagentos.server.calls import Ask, Batch, Call, Caller
from llmagentos.server.disconnect import unless_disconnected
from llmagentos.server.errors import ApiError
from llmagentos.server.serving import serving_of

if TYPE_CHECKING:
    from llmagentos.providers.remote_call import RemoteCall
    from llmagentos.providers.remote_model import RemoteModel
    from llmagentos.server.model_pool import Lease


class ServiceCall(Call):
    """See `Call`. Nothing is sent before it begins, and nothing again once a part of the answer was there.

    A client that leaves ends a stream with its next chunk; a whole answer under way is dropped when it comes.

    Args:
        prepared: a request for each prompt.
    """

    def __init__(self, caller: Caller, lease: Lease, model: RemoteModel, prepared: Sequence[RemoteCall]) -> None:
        super().__init__(caller, lease)
        self._model = model
        self._prepared = prepared
        self._began = time.monotonic()
        self._first: float | None = None
        self._stream: ServiceStream | None = None
        self._usage = Usage(0, 0)

    @property
    def usage(self) -> Usage:
        """As the service counts. Of a stream that was left before its end one token for each chunk, which is less."""
        return self._usage

    @property
    def sampling(self) -> Mapping[str, Any]:
        return self._prepared[0].sampling

    @property
    def first_ids(self) -> list[int | None]:
        return [None] * len(self._prepared)

    @property
    def first_token_seconds(self) -> float | None:
        return None if self._first is None else self._first - self._began

    async def start(self) -> None:
        if len(self._prepared) > 1:
            self.close()
            raise ApiError(400, "a service's model streams the answer to one prompt at a time", param="stream")
        try:
            call = self._prepared[0]
            self._stream = ServiceStream(self._model.stream_call(call))
            # What a service refuses is known before its first chunk, and has a status of its own until then.
            await unless_disconnected(self._caller.request, self._stream.wait())
            self._first = time.monotonic()
        except BaseException:
            self.close()
            raise

    async def batches(self) -> AsyncIterator[Batch]:
        assert self._stream is not None  # noqa: S101  (begun)
        async for chunks in self._stream:
            self._usage = Usage(0, self._usage.completion_tokens + len(chunks))
            self._usage = chunks[-1].usage or self._usage
            yield [(0, chunk) for chunk in chunks]

    async def _run(self) -> list[Completion]:
        answers = asyncio.ensure_future(in_own_thread(partial(self._model.complete_calls, self._prepared)))
        answers.add_done_callback(self._count)  # where the client has left meanwhile, too: the service has worked
        return [completion for group in await asyncio.shield(answers) for completion in group]

    def _count(self, answers: asyncio.Future[list[list[Completion]]]) -> None:
        if answers.cancelled() or answers.exception() is not None:
            return
        # A service counts the answers to a prompt together.
        counted = [group[0].usage for group in answers.result()]
        self._usage = Usage(
            sum(usage.prompt_tokens for usage in counted),
            sum(usage.completion_tokens for usage in counted),
            sum(usage.cached_tokens for usage in counted),
        )
        if self._is_closed:
            self._charge()

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _charge(self) -> None:
        super()._charge()
        metrics = serving_of(self._caller.request).metrics
        metrics.service_call(self._lease.name, self.usage, self.first_token_seconds)


def prepared_calls(model: RemoteModel, ask: Ask, timeout: float) -> list[RemoteCall]:
    """The requests of a call; for a thread.

    Raises:
        LLMAgentOSError: a request that is not valid, or that the service has nothing for.
    """
    asked = ask()
    return model.prepare(asked.prompts, asked.sampling, {**asked.options, "timeout": timeout})
