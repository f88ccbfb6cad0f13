"""Functions for asyncio in threads of their own: what becomes of results, errors, and those that nobody waits for."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Generator

import pytest

from llmagentos import LLMAgentOSError
from llmagentos.completion import Chunk
from llmagentos.own_thread import in_own_thread
from llmagentos.providers.service_stream import ServiceStream

WHERE = contextvars.ContextVar("where", default="nowhere")


def test_a_function_runs_in_another_thread_and_in_the_callers_context() -> None:
    async def ask() -> tuple[str, int]:
        WHERE.set("here")
        return await in_own_thread(lambda: (WHERE.get(), threading.get_ident()))

    where, thread = asyncio.run(ask())
    assert where == "here"
    assert thread != threading.get_ident()


def _raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("no"), ValueError, "no"),
        (SystemExit(1), LLMAgentOSError, "SystemExit"),
        (KeyboardInterrupt(), LLMAgentOSError, "KeyboardInterrupt"),
        (StopIteration(), LLMAgentOSError, "StopIteration"),
    ],
)
def test_whoever_waits_is_told_of_every_error(error: BaseException, kind: type[Exception], message: str) -> None:
    async def ask() -> None:
        await asyncio.wait_for(in_own_thread(_raising(error)), 30)

    with pytest.raises(kind, match=message):
        asyncio.run(ask())


def test_a_stream_tells_of_every_error() -> None:
    def chunks() -> Generator[Chunk, None, None]:
        yield Chunk("a", None, None, None, None)
        raise SystemExit(1)

    async def read() -> None:
        stream = ServiceStream(chunks())
        assert [chunk.text for chunk in await anext(stream)] == ["a"]
        await anext(stream)

    with pytest.raises(LLMAgentOSError, match="SystemExit"):
        asyncio.run(asyncio.wait_for(read(), 30))


def test_an_end_waits_for_no_function_that_does_not_return() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        may_end.wait()

    async def leave() -> None:
        task = asyncio.create_task(in_own_thread(wait))
        await in_own_thread(lambda: begun.wait(30))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())  # which would wait for a pool's thread
    may_end.set()
