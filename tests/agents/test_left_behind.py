"""Tools that do not stop when they are told to hold up nobody: they are left behind, and it is said."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from llmagentos.agents import own_loop
from llmagentos.agents.agent import Agent
from llmagentos.agents.events import AgentResult, Done
from llmagentos.agents.own_loop import OwnLoop
from llmagentos.agents.records import CallResult
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.agents.session import MemorySession
from llmagentos.tools.tool import tool

LONG = 3.0  # seconds that nobody may wait for
ended: list[str] = []  # tools that somebody waited for


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_loop, "CANCEL_SECONDS", 0.1)
    ended.clear()


async def deaf() -> None:
    """Goes on, whoever cancels it."""
    until = asyncio.get_running_loop().time() + LONG
    while (left := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
    ended.append("deaf")


@tool(timeout=0.05)
async def stubborn() -> str:
    """Do not listen."""
    await deaf()
    return "worked"


@tool(timeout=0.05)
async def parent() -> str:
    """Begin what does not listen."""
    await asyncio.shield(asyncio.ensure_future(deaf()))
    return "worked"


def asked(agent: Agent) -> AgentResult:
    return agent.ask("Go.")


def streamed(agent: Agent) -> AgentResult:
    (done,) = [event for event in agent.stream("Go.") if isinstance(event, Done)]
    return done.result


@pytest.mark.parametrize("run", [asked, streamed])
def test_a_tool_that_swallows_its_cancellation_is_left_behind(
    run: Callable[[Agent], AgentResult], caplog: pytest.LogCaptureFixture
) -> None:
    result = run(Agent(ScriptedModel([ScriptedCall("stubborn"), "It hangs."]), tools=[stubborn]))
    gc.collect()  # asyncio tells of tasks that are dropped
    (call,) = [record for record in result.records if isinstance(record, CallResult)]
    assert (result.text, call.outcome, ended) == ("It hangs.", "timeout", [])
    assert call.text == (
        "stubborn gave no result in 0.05 seconds, does not stop, and was left behind; it may or may not have done its "
        "work"
    )
    assert caplog.messages == ["the tool stubborn does not stop when it is cancelled, and is left behind"]


def test_what_a_tool_began_is_left_behind_at_the_end_of_the_run(caplog: pytest.LogCaptureFixture) -> None:
    result = asked(Agent(ScriptedModel([ScriptedCall("parent"), "It hangs."]), tools=[parent]))
    gc.collect()
    assert (result.text, ended) == ("It hangs.", [])
    assert caplog.messages == ["left behind at the end of a run, as they do not stop: deaf"]


def test_a_thread_that_a_tool_waits_for_is_left_behind() -> None:
    go_on, has_ended = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(LONG)
        has_ended.set()

    @tool(timeout=0.05)
    async def waits() -> None:
        """Wait for a thread."""
        await asyncio.to_thread(work)

    result = asked(Agent(ScriptedModel([ScriptedCall("waits"), "It hangs."]), tools=[waits]))
    assert (result.text, has_ended.is_set()) == ("It hangs.", False)
    go_on.set()


def test_cancelling_a_run_leaves_it_behind(caplog: pytest.LogCaptureFixture) -> None:
    session, began = MemorySession(), asyncio.Event()

    @tool
    async def works() -> None:
        """Do not listen."""
        began.set()
        await deaf()

    async def cancelled() -> None:
        task = asyncio.ensure_future(Agent(ScriptedModel([ScriptedCall("works")]), tools=[works]).aask("Go.", session))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == []

    with OwnLoop() as loop:
        loop.run(cancelled())
    assert ([item.call.name for item in session.pending], ended) == (["works"], [])
    assert caplog.messages == ["the tool works does not stop when it is cancelled, and is left behind"]


@pytest.mark.parametrize("run", [asked, streamed])
def test_ctrl_c_ends_a_run_whose_tool_does_not_listen(run: Callable[[Agent], AgentResult]) -> None:
    @tool
    async def interrupted() -> None:
        """Press Ctrl-C."""
        signal.raise_signal(signal.SIGINT)
        await deaf()

    agent = Agent(
        ScriptedModel([ScriptedCall("interrupted"), "Unknown."]), tools=[interrupted], session=MemorySession()
    )
    with pytest.raises(KeyboardInterrupt):
        run(agent)
    assert ended == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert agent.resume().text == "Unknown."


def test_what_a_tool_raises_when_it_is_stopped_is_told_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    @tool(timeout=0.05)
    async def late() -> None:
        """Fail late."""
        try:
            await asyncio.sleep(LONG)
        finally:
            raise ValueError("late")

    result = asked(Agent(ScriptedModel([ScriptedCall("late"), "It hangs."]), tools=[late]))
    gc.collect()
    (call,) = [record for record in result.records if isinstance(record, CallResult)]
    assert call.text == "late gave no result in 0.05 seconds; it may or may not have done its work"
    assert caplog.messages == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of what is left, once it is dropped
def test_a_model_that_swallows_its_cancellation_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    class Deaf:
        def chat(self, *_: Any, **__: Any) -> Any: ...

        async def achat(self, *_: Any, **__: Any) -> Any:
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)

    async def leave() -> None:
        stream = Agent(Deaf()).astream("Go.")
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first

    with OwnLoop() as loop:
        loop.run(leave())
    assert "a run is left behind" in caplog.text
    gc.collect()
