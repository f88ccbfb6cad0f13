"""A conversation has one run at a time: a second one beside it is refused, in this process and in others."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmagentos.agents.agent import Agent
from llmagentos.agents.events import TextDelta
from llmagentos.agents.records import CallResult
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.agents.session import MemorySession, Session
from llmagentos.agents.sqlite_session import SQLiteSession
from llmagentos.errors import InvalidRequestError
from llmagentos.tools.tool import tool

RESUME = """
import sys
from llmagentos.agents.agent import Agent
from llmagentos.agents.scripted import ScriptedModel
from llmagentos.agents.sqlite_session import SQLiteSession
try:
    Agent(ScriptedModel(["resumed"])).resume(SQLiteSession(sys.argv[1], sys.argv[2]))
except Exception as error:
    print(type(error).__name__, error)
"""


@contextmanager
def run_that_waits(session: Session) -> Iterator[list[str]]:
    """A run whose tool is at work until the block ends, which then has what the run came to."""
    began, may_end = threading.Event(), threading.Event()
    texts: list[str] = []

    @tool(idempotent=True)
    def work() -> str:
        """Work."""
        began.set()
        assert may_end.wait(30)
        return "worked"

    agent = Agent(ScriptedModel([ScriptedCall("work"), "It is done."]), tools=[work])
    thread = threading.Thread(target=lambda: texts.append(agent.ask("Go.", session).text))
    thread.start()
    assert began.wait(30)
    try:
        yield texts
    finally:
        may_end.set()
        thread.join(30)


SECOND: list[Callable[[Agent, Session], object]] = [
    lambda agent, session: agent.ask("Go.", session),
    lambda agent, session: agent.resume(session),
    lambda agent, session: next(agent.stream("Go.", session)),
    lambda agent, session: asyncio.run(agent.aask("Go.", session)),
    lambda agent, session: asyncio.run(agent.aresume(session)),
]


@pytest.mark.parametrize("begin", SECOND)
def test_a_second_run_beside_the_first_is_refused(begin: Callable[[Agent, Session], object]) -> None:
    session, other = MemorySession("ann"), ScriptedModel(["Other."])
    with run_that_waits(session) as texts, pytest.raises(InvalidRequestError, match="session 'ann' is going on"):
        begin(Agent(other), session)
    assert (texts, other.requests) == (["It is done."], [])
    assert sum(isinstance(record, CallResult) for record in session.records) == 1


def test_in_a_file_it_is_refused_to_other_objects_and_processes(tmp_path: Path) -> None:
    path = tmp_path / "agents.db"
    session = SQLiteSession(path, "ann")
    with run_that_waits(session) as texts:
        with pytest.raises(InvalidRequestError, match="session 'ann' is going on"):
            Agent(ScriptedModel(["Other."])).resume(SQLiteSession(path, "ann"))
        command = [sys.executable, "-c", RESUME, str(path), "ann"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert ended.stdout.startswith("InvalidRequestError a run of the session 'ann' is going on")
        assert Agent(ScriptedModel(["Hello."])).ask("Hi", SQLiteSession(path, "bob")).text == "Hello."
    assert texts == ["It is done."]
    assert Agent(ScriptedModel(["Again."])).ask("Hi", SQLiteSession(path, "ann")).text == "Again."
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".run"] == []


def test_a_run_that_was_left_is_no_longer_going_on(tmp_path: Path) -> None:
    for session in (MemorySession(), SQLiteSession(tmp_path / "agents.db", "ann"), SQLiteSession(":memory:", "ann")):
        stream = Agent(ScriptedModel(["One two three."])).stream("Go.", session)
        assert isinstance(next(stream), TextDelta)
        with pytest.raises(InvalidRequestError, match="is going on"):
            Agent(ScriptedModel(["Other."])).resume(session)
        stream.close()
        again = Agent(ScriptedModel(["Again."]))
        assert (again.resume(session) if session.is_in_turn else again.ask("Hi", session)).text == "Again."


def test_a_stream_may_be_closed_inside_an_event_loop(tmp_path: Path) -> None:
    session = SQLiteSession(tmp_path / "agents.db", "ann")
    stream = Agent(ScriptedModel(["One two three."])).stream("Go.", session)
    next(stream)

    async def close() -> None:
        stream.close()

    asyncio.run(close())
    again = Agent(ScriptedModel(["Again."]))
    assert (again.resume(session) if session.is_in_turn else again.ask("Hi", session)).text == "Again."


def test_a_lock_file_that_is_just_removed_is_not_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    first, second = (SQLiteSession(tmp_path / "agents.db", "ann") for _ in range(2))
    flock, opened, ended, outcomes = fcntl.flock, threading.Event(), threading.Event(), []

    def late(fd: int, operation: int) -> None:
        if threading.current_thread().name == "second" and not opened.is_set():
            opened.set()
            ended.wait(0.5)  # the file is open and not locked yet: the first run would end here if it could
        flock(fd, operation)

    def run() -> None:
        try:
            with second.running():
                outcomes.append("runs")  # with a lock on a file that has no name any more, and keeps off nobody
        except InvalidRequestError:
            outcomes.append("refused")

    monkeypatch.setattr(fcntl, "flock", late)
    thread = threading.Thread(target=run, name="second")
    with first.running():
        thread.start()
        assert opened.wait(30)
    ended.set()
    thread.join(30)
    assert outcomes == ["refused"]
    with second.running():
        pass


def test_a_session_that_is_closed_meanwhile_is_free_afterwards(tmp_path: Path) -> None:
    session = SQLiteSession(tmp_path / "agents.db", "ann")
    with session.running():
        session.close()
    again = SQLiteSession(tmp_path / "agents.db", "ann")
    assert Agent(ScriptedModel(["Hello."])).ask("Hi", again).text == "Hello."


def test_a_stream_that_is_dropped_with_its_session_keeps_off_no_other() -> None:
    loop = asyncio.new_event_loop()
    for _ in range(20):  # one of which has the address of one before it
        stream = Agent(ScriptedModel(["One two."])).astream("Go.", MemorySession())
        assert isinstance(loop.run_until_complete(anext(stream)), TextDelta)
        loop.close()  # nobody closes the stream any more
        del stream
        gc.collect(1)  # what is this young
        loop = asyncio.new_event_loop()
    loop.close()
