"""The same results for asyncio, without blocking its loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

from llmagentos import LLM, SamplingParams, loaded_model
from llmagentos.engine.constraints import ConstraintTokenizer
from llmagentos.errors import InvalidRequestError, LLMAgentOSError

from .engine.engines import assert_idle
from .engine.fake_model import fake_model

GREEDY = SamplingParams(temperature=0, max_tokens=8, ignore_eos=True)


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> LLM:
    monkeypatch.setattr(loaded_model, "open_local_model", lambda model, _: fake_model())
    return LLM("fake")


def wait_idle(llm: LLM) -> None:
    """The engine's thread has nothing left to do."""
    thread: Any = llm._engine._turns._background
    if thread is not None:
        thread.join(10)
    assert_idle(llm._engine)


def test_many_tasks_get_what_single_calls_get(llm: LLM) -> None:
    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(llm.agenerate(f"prompt {n}", GREEDY) for n in range(20)))

    assert asyncio.run(all_at_once()) == [llm.generate(f"prompt {n}", GREEDY) for n in range(20)]
    wait_idle(llm)


def test_lists_and_conversations(llm: LLM) -> None:
    messages = [{"role": "user", "content": "hi"}]

    async def both() -> tuple[Any, Any]:
        return await llm.agenerate(["a", "b"], GREEDY), await llm.achat(messages, GREEDY)

    assert asyncio.run(both()) == (llm.generate(["a", "b"], GREEDY), llm.chat(messages, GREEDY))


def test_a_stream_gives_the_chunks_of_the_blocking_one(llm: LLM) -> None:
    async def chunks() -> list[Any]:
        return [chunk async for chunk in llm.astream("abc", GREEDY)]

    assert asyncio.run(chunks()) == list(llm.stream("abc", GREEDY))
    wait_idle(llm)


def test_a_loop_that_has_ended_is_forgotten(llm: LLM) -> None:
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def ask() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await llm.agenerate("a", GREEDY)

    for _ in range(3):
        asyncio.run(ask())
    wait_idle(llm)
    gc.collect()
    assert [loop() for loop in loops] == [None, None, None]


def test_a_thread_that_cannot_be_started_fails_one_call_only(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            asyncio.run(llm.agenerate("a", GREEDY))
    assert asyncio.run(asyncio.wait_for(llm.agenerate("a", GREEDY), 10)) == llm.generate("a", GREEDY)
    wait_idle(llm)


def test_the_loop_goes_on_while_the_engine_works(llm: LLM) -> None:
    backend: Any = llm._engine._backend
    gate = asyncio.Event()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        released = threading.Event()
        backend.before_run = lambda batch: (loop.call_soon_threadsafe(gate.set), released.wait(10))
        task = asyncio.create_task(llm.agenerate("x", GREEDY))
        await asyncio.wait_for(gate.wait(), 10)
        assert not task.done()
        released.set()
        await task

    asyncio.run(run())


def test_cancelling_a_task_cancels_its_request(llm: LLM) -> None:
    backend: Any = llm._engine._backend
    endless = SamplingParams(temperature=0, ignore_eos=True)

    async def run() -> None:
        loop, running, left = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        backend.before_run = lambda batch: (loop.call_soon_threadsafe(running.set), left.wait(10))
        task = asyncio.create_task(llm.agenerate("x", endless))
        await running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left.set()

    asyncio.run(run())
    wait_idle(llm)
    assert llm.stats().ended == {"cancelled": 1}
    assert len(backend.n_tokens_per_run) == 1


def test_leaving_a_stream_cancels_its_request(llm: LLM) -> None:
    backend: Any = llm._engine._backend
    left = threading.Event()
    backend.before_run = lambda batch: left.wait(10) if len(backend.n_tokens_per_run) == 3 else None

    async def run() -> None:
        stream: Any = llm.astream("x", SamplingParams(temperature=0, ignore_eos=True))
        async for _ in stream:
            break
        await stream.aclose()
        left.set()

    asyncio.run(run())
    wait_idle(llm)
    assert llm.stats().ended == {"cancelled": 1}
    assert len(backend.n_tokens_per_run) <= 4


def test_errors_reach_the_task(llm: LLM) -> None:
    backend: Any = llm._engine._backend

    def fail(batch: object) -> None:
        raise MemoryError("no memory for the step")

    async def run(call: Any) -> None:
        await call

    with pytest.raises(InvalidRequestError, match="prompt"):
        asyncio.run(run(llm.agenerate(7, GREEDY)))
    backend.before_run = fail
    with pytest.raises(MemoryError, match="no memory"):
        asyncio.run(run(llm.agenerate("x", GREEDY)))


def test_close_ends_what_runs(llm: LLM) -> None:
    backend: Any = llm._engine._backend

    async def run() -> None:
        loop, running, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        backend.before_run = lambda batch: (loop.call_soon_threadsafe(running.set), go_on.wait(10))
        task = asyncio.create_task(llm.agenerate("x", SamplingParams(temperature=0, ignore_eos=True)))
        await running.wait()
        closing = asyncio.create_task(asyncio.to_thread(llm.close))
        while not llm._engine._turns.are_over:  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.001)
        go_on.set()
        await closing
        with pytest.raises(LLMAgentOSError, match="closed"):
            await task

    asyncio.run(run())


def test_a_loop_that_was_closed_harms_nobody(llm: LLM) -> None:
    backend: Any = llm._engine._backend
    running, go_on = threading.Event(), threading.Event()
    backend.before_run = lambda batch: (running.set(), go_on.wait(10))

    results: list[Any] = []

    async def leave() -> Any:
        task = asyncio.ensure_future(llm.agenerate("x", GREEDY))
        await asyncio.to_thread(running.wait, 10)
        return task

    loop = asyncio.new_event_loop()
    abandoned = loop.run_until_complete(leave())
    loop.close()
    other = threading.Thread(target=lambda: results.append(llm.generate("y", GREEDY)))
    other.start()
    go_on.set()
    other.join(10)
    assert results == [llm.generate("y", GREEDY)]
    assert not abandoned.done()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"priority": 1.5}, "priority=1.5 is not valid"),
        ({"timeout": 0}, "timeout=0 is not valid"),
        ({"timeout": -1.5}, "timeout=-1.5 is not valid"),
        ({"timeout": float("nan")}, "timeout=nan is not valid"),
        ({"timeout": 10**400}, "timeout=1000.* is not valid"),
        ({"timeout": True}, "timeout=True is not valid"),
        ({"cache_salt": 3}, "cache_salt=3 is not valid"),
        ({"prioritty": 3}, "there is no option 'prioritty'"),
        ({"max_tokens": 3}, r"max_tokens is no option: give it as SamplingParams\(max_tokens=...\)"),
    ],
)
def test_options_are_checked(llm: LLM, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        llm.generate("x", GREEDY, **options)
    with pytest.raises(InvalidRequestError, match=message):
        list(llm.stream("x", GREEDY, **options))


def test_an_endless_timeout_is_none(llm: LLM) -> None:
    assert llm.generate("x", GREEDY, timeout=float("inf")) == llm.generate("x", GREEDY)


def slow_compiler(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Grammars compile for as long as the second event is not set; the first tells that one has begun to."""
    begun, may_end, compile_one = threading.Event(), threading.Event(), ConstraintTokenizer.constraint

    def constraint(self: ConstraintTokenizer, *args: Any) -> Any:
        begun.set()
        assert may_end.wait(10)
        return compile_one(self, *args)

    monkeypatch.setattr(ConstraintTokenizer, "constraint", constraint)
    return begun, may_end


CHOICE: Any = {"type": "choice", "choices": ["yes", "no"]}


def test_the_loop_goes_on_while_a_form_compiles(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = slow_compiler(monkeypatch)

    async def first_chunk() -> Any:
        chunks = [chunk async for chunk in llm.astream("x", response_format=CHOICE)]
        return chunks[0]

    async def run() -> None:
        calls: list[Any] = [
            llm.agenerate("x", response_format=CHOICE),
            llm.achat([{"role": "user", "content": "x"}], response_format=CHOICE),
            first_chunk(),
        ]
        for call in calls:
            begun.clear()
            may_end.clear()
            task = asyncio.create_task(call)
            assert await asyncio.to_thread(begun.wait, 10)
            await llm.agenerate("y", GREEDY)
            assert not task.done()
            may_end.set()
            await task

    asyncio.run(run())
    wait_idle(llm)


def test_a_task_is_cancelled_while_its_form_compiles(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = slow_compiler(monkeypatch)

    async def run() -> None:
        task = asyncio.create_task(llm.agenerate("x", response_format=CHOICE))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
        may_end.set()

    asyncio.run(run())
    assert llm.stats().n_steps == 0


def test_a_stream_of_a_form_ends_with_its_iterator(llm: LLM) -> None:
    async def run() -> None:
        stream: Any = llm.astream("x", response_format={"type": "regex", "regex": "[a-z]{100}"})
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(run())
    wait_idle(llm)
    assert llm.stats().ended == {"cancelled": 1}


def test_a_timeout_ends_a_stream_with_a_reason(llm: LLM) -> None:
    chunks = list(llm.stream("x", GREEDY, timeout=1e-9))
    assert [(chunk.text, chunk.token_id, chunk.finish_reason) for chunk in chunks] == [("", None, "timeout")]
    assert llm.generate("x", GREEDY, timeout=1e-9).finish_reason == "timeout"
