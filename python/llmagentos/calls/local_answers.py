"""The answers of a model in this process: its calls become requests, and the engine runs these."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llmagentos.calls.answer_forms import asks_for_form
from llmagentos.calls.async_runs import run_async, stream_chunks_async
from llmagentos.calls.generation import ChatOptions, RequestOptions, stream_chunks

if TYPE_CHECKING:
    from llmagentos.answering import Options
    from llmagentos.calls.arguments import Calls
    from llmagentos.calls.generation import Work
    from llmagentos.completion import Chunk
    from llmagentos.engine.engine import Engine
    from llmagentos.sampling_params import SamplingParams

_A = TypeVar("_A")
_B = TypeVar("_B")


class LocalAnswers:
    """Answers with one engine; see `Answering`."""

    def __init__(self, engine: Engine, calls: Calls) -> None:
        self._engine = engine
        self._calls = calls

    def generate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any:
        return self._run(*self._calls.generate(prompts, params, cast(RequestOptions, options)))

    async def agenerate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any:
        is_single, work = await self._made(self._calls.generate, prompts, params, options)
        return await self._run_async(is_single, work)

    def chat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any:
        return self._run(*self._calls.chat(messages, params, cast(ChatOptions, options)))

    async def achat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any:
        is_single, work = await self._made(self._calls.chat, messages, params, options)
        return await self._run_async(is_single, work)

    def stream(self, prompt: Any, params: SamplingParams | None, options: Options) -> Iterator[Chunk]:
        return stream_chunks(self._engine, *self._calls.stream(prompt, params, cast(ChatOptions, options)))

    def astream(self, prompt: Any, params: SamplingParams | None, options: Options) -> AsyncIterator[Chunk]:
        if asks_for_form(options):
            return self._formed_chunks(prompt, params, options)
        return stream_chunks_async(self._engine, *self._calls.stream(prompt, params, cast(ChatOptions, options)))

    async def _formed_chunks(
        self, prompt: Any, params: SamplingParams | None, options: Options
    ) -> AsyncIterator[Chunk]:
        request, form = await self._made(self._calls.stream, prompt, params, options)
        async with aclosing(stream_chunks_async(self._engine, request, form)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _made(
        self, make: Callable[..., tuple[_A, _B]], given: Any, params: SamplingParams | None, options: Options
    ) -> tuple[_A, _B]:
        """A call's requests, as `make` makes them: in a thread where a form may have to be compiled."""
        if asks_for_form(options):
            return await asyncio.to_thread(make, given, params, options)
        return make(given, params, options)

    def _run(self, is_single: bool, work: Work) -> Any:
        self._engine.run(work.requests)
        return work.results()[0] if is_single else work.results()

    async def _run_async(self, is_single: bool, work: Work) -> Any:
        await run_async(self._engine, work.requests)
        return work.results()[0] if is_single else work.results()
