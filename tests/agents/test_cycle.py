"""Perceive, decide, act: what a subclass may override, where observations come from, and when it ends."""

from __future__ import annotations

import asyncio
import io
import os
import queue
import select
import signal
import subprocess
import sys
from typing import Any

import pytest

from llmagentos import Agent, tool
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.errors import InvalidRequestError


class Echo(Agent):
    """Overrides one step, as a first program does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    def act(self, observation: Any) -> Any:
        return {"text": observation["text"].upper()}


def test_lines_of_a_pipe_are_answered_until_exit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\nagain\nexit\nnever\n"))
    assert Echo().run() == "exit"
    assert capsys.readouterr().out == "HELLO\nAGAIN\n"


def test_the_end_of_input_ends_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello"))
    assert Echo().run() == "end_of_input"
    assert capsys.readouterr().out == "HELLO\n"


def test_sensors_may_be_lists_queues_and_functions() -> None:
    def outcomes(sensor: Any) -> list[Any]:
        done: list[Any] = []
        Echo(sensor=sensor, actuator=done.append).run()
        return [outcome["text"] for outcome in done]

    waiting: queue.Queue[Any] = queue.Queue()
    for item in ("a", {"text": "b", "from": "door"}, None):
        waiting.put(item)
    given = iter(["a", "b"])
    assert outcomes(["a", {"text": "b"}]) == ["A", "B"]
    assert outcomes(waiting) == ["A", "B"]
    assert outcomes(lambda: next(given, None)) == ["A", "B"]
    with pytest.raises(InvalidRequestError, match="an observation must be a dict, a text, or None at the end, not 3"):
        outcomes([3])


def test_it_ends_at_its_goal_or_after_so_many_turns() -> None:
    class Counter(Agent):
        n = 0

        def act(self, action: Any) -> Any:
            self.n += 1
            return {"text": str(self.n), "goal_reached": self.n == 3}

    done: list[Any] = []
    assert Counter(sensor=["x"] * 9, actuator=done.append).run(max_turns=2) == "turn_limit"
    assert Counter(sensor=["x"] * 9, actuator=done.append).run() == "goal_reached"
    assert [outcome["text"] for outcome in done] == ["1", "2", "1", "2", "3"]


def test_with_a_model_decide_asks_it_in_one_conversation() -> None:
    model = ScriptedModel(["Hello, Ann.", "Ann.", "21 degrees."])
    done: list[Any] = []
    agent = Agent(model, sensor=["I am Ann.", "Who am I?", {"degrees": 21}], actuator=done.append)
    agent.run()
    assert [outcome["text"] for outcome in done] == ["Hello, Ann.", "Ann.", "21 degrees."]
    said = [message["content"] for message in model.requests[2].messages]
    assert said == ["I am Ann.", "Hello, Ann.", "Who am I?", "Ann.", '{"degrees": 21}']


def test_asynchronous_steps_are_awaited() -> None:
    class Awaiting(Agent):
        async def decide(self, observation: Any) -> Any:
            await asyncio.sleep(0)
            return {"text": observation["text"] + "!"}

        async def act(self, action: Any) -> Any:
            return {"text": action["text"] * 2}

    async def run() -> list[Any]:
        done: list[Any] = []
        waiting: asyncio.Queue[Any] = asyncio.Queue()
        for item in ("a", "b", None):
            waiting.put_nowait(item)
        assert await Awaiting(sensor=waiting, actuator=done.append).arun() == "end_of_input"
        assert await Echo(sensor=["c"], actuator=done.append).arun() == "end_of_input"
        model = ScriptedModel(["D"])
        assert await Agent(model, sensor=["d"] * 2, actuator=done.append).arun(max_turns=1) == "turn_limit"
        assert await Agent(sensor=["e", "exit"], actuator=done.append).arun() == "exit"
        return [outcome["text"] for outcome in done]

    assert asyncio.run(run()) == ["a!a!", "b!b!", "C", "D", "e"]
    with pytest.raises(InvalidRequestError, match=r"decide is asynchronous: use `await agent\.arun"):
        Awaiting(sensor=["a"]).run()

    async def late(outcome: Any) -> None:
        done.append(outcome)

    class Patient(Agent):
        async def goal_reached(self, outcome: Any) -> bool:  # type: ignore[override]
            return outcome["text"] == "b"

    done: list[Any] = []
    assert asyncio.run(Patient(sensor=["a", "b", "c"], actuator=late).arun()) == "goal_reached"
    assert done == [{"text": "a"}, {"text": "b"}]
    for agent, step in ((Patient(sensor=["a"]), "goal_reached"), (Agent(sensor=["a"], actuator=late), "the actuator")):
        with pytest.raises(InvalidRequestError, match=f"{step} is asynchronous"):
            agent.run()


def test_a_tool_that_needs_approval_asks_and_without_a_terminal_may_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    paid: list[int] = []

    @tool(requires_approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        paid.append(amount)
        return "paid"

    class Generous(Agent):
        def allow(self, name: str, arguments: str) -> bool:
            return name == "pay" and "5" in arguments

    class Slow(Agent):
        async def allow(self, name: str, arguments: str) -> bool:  # type: ignore[override]
            return "9" in arguments

    def run(kind: type[Agent]) -> list[str]:
        monkeypatch.setattr("sys.stdin", io.StringIO())
        model = ScriptedModel([[ScriptedCall("pay", {"amount": 5}), ScriptedCall("pay", {"amount": 9})], "Well."])
        kind(model, tools=[pay], sensor=["Pay."], actuator=lambda _: None).run()
        return [message["content"] for message in model.requests[1].messages if message["role"] == "tool"]

    denied = "A person did not allow this call."
    assert run(Agent) == [denied, denied]
    assert paid == []
    assert run(Generous) == ["paid", denied]
    assert paid == [5]
    with pytest.raises(InvalidRequestError, match="allow is asynchronous"):
        run(Slow)
    model = ScriptedModel([[ScriptedCall("pay", {"amount": 5}), ScriptedCall("pay", {"amount": 9})], "Well."])
    asyncio.run(Slow(model, tools=[pay], sensor=["Pay."], actuator=lambda _: None).arun())
    assert paid == [5, 9]


@pytest.mark.parametrize("ending", [signal.SIGINT, None])
def test_a_terminal_is_left_as_it_was(ending: int | None) -> None:
    termios = pytest.importorskip("termios")
    program = (
        "import asyncio, signal; from llmagentos import Agent\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print(asyncio.run(Agent().arun()))"
    )
    master, slave = os.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True
    )
    try:
        told = b""
        while not told.endswith(b"> "):  # a thread waits for a line
            assert select.select([master], [], [], 60)[0], told
            told += os.read(master, 1000)
        if ending is None:
            os.write(master, b"exit\n")
        else:
            process.send_signal(ending)
        process.wait(30)
        assert termios.tcgetattr(slave)[3] & termios.ECHO
    finally:
        process.kill()
        os.close(master)
        os.close(slave)
