"""Calls to models that run in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmagentos.completion import Completion, Usage
from llmagentos.server.calls import Ask, Batch, Call, Caller
from llmagentos.server.errors import timed_out

if TYPE_CHECKING:
    from llmagentos.calls.async_runs import ChunkStream
    from llmagentos.calls.generation import Work
    from llmagentos.engine.request import Request
    from llmagentos.llm import LLM
    from llmagentos.server.model_pool import Lease


class LocalCall(Call):
    """See `Call`.

    Args:
        work: its requests, whose prompts are encoded.
    """

    def __init__(self, caller: Caller, lease: Lease, work: Work) -> None:
        super().__init__(caller, lease)
        self._work = work
        self._stream: ChunkStream | None = None

    @property
    def usage(self) -> Usage:
        leaders = [group[0] for group in self._work.groups if _was_read(group[0])]
        return Usage(
            sum(request.n_input for request in leaders),
            sum(request.n_output for request in self._work.requests),
            sum(request.n_cached for request in leaders),
        )

    @property
    def sampling(self) -> Mapping[str, Any]:
        params = self._work.requests[0].params
        return {"temperature": params.temperature, "top_p": params.top_p}

    @property
    def first_ids(self) -> list[int | None]:
        return [group[0].token_ids[0] for group in self._work.groups]

    @property
    def first_token_seconds(self) -> float | None:
        times = [request.times for request in self._work.requests]
        return min((one.first_token - one.arrived for one in times if one.first_token is not None), default=None)

    async def start(self) -> None:
        try:
            self._stream = self.llm.start(self._work)
        except BaseException:
            self.close()
            raise

    async def batches(self) -> AsyncIterator[Batch]:
        assert self._stream is not None  # noqa: S101  (begun)
        async for batch in self._stream:
            yield batch
            if any(chunk.finish_reason == "timeout" for _, chunk in batch):
                raise timed_out(self._caller.timeout)

    async def _run(self) -> list[Completion]:
        completions = await self.llm.arun(self._work)
        if any(completion.finish_reason == "timeout" for completion in completions):
            raise timed_out(self._caller.timeout)
        return completions

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.cancel()


def _was_read(request: Request) -> bool:
    """Whether the model has begun with a prompt, or was done before: a single token may leave nothing to compute."""
    return request.times.began or request.finish_reason == "length"


def prepared_work(llm: LLM, ask: Ask, tenant: str, timeout: float) -> Work:
    """The requests of a call; for a thread.

    Args:
        tenant: keys do not share the prefix cache: how fast an answer comes must not tell what others have asked.

    Raises:
        LLMAgentOSError: a request that is not valid.
    """
    asked = ask()
    # None leaves a search by beams, and what else the model's own files say, as it is.
    params = replace(llm.default_params, **asked.sampling) if asked.sampling else None
    return llm.prepare(asked.prompts, params, timeout=timeout, cache_salt=tenant or None, **asked.options)
