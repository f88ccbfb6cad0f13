"""The answers of a model in this process: its calls become requests, and the engine runs these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, cast

from llmagentos.async_runs import run_async, stream_chunks_async
from llmagentos.generation import ChatOptions, RequestOptions, stream_chunks

if TYPE_CHECKING:
    from llmagentos.answering import Options
    from llmagentos.calls import Calls
    from llmagentos.completion import Chunk
    from llmagentos.engine.engine import Engine
    from llmagentos.generation import Work
    from llmagentos.sampling_params import SamplingParams


class LocalAnswers:
    """Answers with one engine; see `Answering`."""

    def __init__(self, engine: Engine, calls: Calls) -> None:
        self._engine = engine
        self._calls = calls

    def generate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any:
        return self._run(*self._calls.generate(prompts, params, cast(RequestOptions, options)))

    async def agenerate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any:
        return await self._run_async(*self._calls.generate(prompts, params, cast(RequestOptions, options)))

    def chat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any:
        return self._run(*self._calls.chat(messages, params, cast(ChatOptions, options)))

    async def achat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any:
        return await self._run_async(*self._calls.chat(messages, params, cast(ChatOptions, options)))

    def stream(self, prompt: Any, params: SamplingParams | None, options: Options) -> Iterator[Chunk]:
        return stream_chunks(self._engine, *self._calls.stream(prompt, params, cast(ChatOptions, options)))

    def astream(self, prompt: Any, params: SamplingParams | None, options: Options) -> AsyncIterator[Chunk]:
        return stream_chunks_async(self._engine, *self._calls.stream(prompt, params, cast(ChatOptions, options)))

    def _run(self, is_single: bool, work: Work) -> Any:
        self._engine.run(work.requests)
        return work.results()[0] if is_single else work.results()

    async def _run_async(self, is_single: bool, work: Work) -> Any:
        await run_async(self._engine, work.requests)
        return work.results()[0] if is_single else work.results()
