"""Suites run against agents and functions."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import time
from typing import Any

import pytest

from llmagentos.agents.agent import Agent
from llmagentos.agents.evaluation import Suite, SuiteReport, run_suite
from llmagentos.agents.evaluation import run as run_module
from llmagentos.agents.evaluation.suite import suite_of
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.tools.tool import tool


@tool(requires_approval=True)
def pay(amount: int) -> str:
    """Pay an amount."""
    return f"paid {amount}"


def _suite(*turns: dict[str, Any], **fields: Any) -> Suite:
    return suite_of("suite", {"cases": [{"name": "one", "turns": list(turns)}], **fields})


def _first(report: SuiteReport) -> Any:
    return report.cases[0].turns


def _payer() -> Agent:
    steps = [ScriptedCall("pay", {"amount": 5}), lambda messages: messages[-1]["content"], "Bye."]
    return Agent(ScriptedModel(steps), tools=[pay])


def test_calls_are_approved_or_rejected_by_a_turn() -> None:
    ask = {"say": "Pay 5.", "expect": [{"status": "needs_approval"}, {"tool_call": "pay", "arguments": {"amount": 5}}]}
    report = run_suite(
        _suite(
            ask,
            {"approve": ["pay"], "expect": [{"contains": "paid 5"}, {"tool_call": "pay", "outcome": "ok"}]},
            {"say": "Bye", "expect": [{"exact": "Bye."}, {"tool_call": "*", "times": 0}]},
        ),
        _payer,
    )
    assert report.passed, report.to_json()
    report = run_suite(_suite(ask, {"reject": ["pay"], "expect": [{"tool_call": "pay", "outcome": "denied"}]}), _payer)
    assert report.passed, report.to_json()
    report = run_suite(_suite(ask, {"approve": ["play"]}), _payer)
    assert not report.passed
    assert _first(report)[1].error == "no call of 'play' waits for a person; those that do: pay"
    assert "is unfinished" in _first(run_suite(_suite(ask, {"say": "Well?"}), _payer))[1].error


def test_each_case_begins_anew() -> None:
    turn = {"say": "Hi", "expect": [{"exact": "1"}]}
    suite = suite_of("suite", {"cases": [{"name": name, "turns": [turn]} for name in "ab"]})
    agent = Agent(ScriptedModel([lambda messages: str(len(messages))] * 2))
    assert run_suite(suite, agent).passed
    seen: list[str] = []
    assert run_suite(suite, lambda: lambda text: "1", on_case=lambda case: seen.append(case.name)).passed
    assert seen == ["a", "b"]


def test_an_agents_own_steps_are_what_is_talked_to() -> None:
    class Shouter(Agent):
        def act(self, observation: Any) -> dict[str, str]:
            return {"text": observation["text"].upper()}

    class Waiter(Agent):
        async def act(self, action: Any) -> str:
            await asyncio.sleep(0)
            return f"{action['text']}, {action['status']}"

    assert run_suite(_suite({"say": "hi", "expect": [{"exact": "HI"}]}), Shouter).passed
    report = run_suite(
        _suite({"say": "hi", "expect": [{"exact": "Hello., done"}, {"status": "done"}]}),
        lambda: Waiter(ScriptedModel(["Hello."])),
    )
    assert report.passed, report.to_json()


def test_functions_may_be_asynchronous_and_keep_what_is_bound_to_their_thread() -> None:
    def conversation() -> Any:
        database = sqlite3.connect(":memory:")
        return lambda text: str(database.execute("SELECT 1").fetchone()[0])

    async def answer(text: str) -> str:
        await asyncio.sleep(0)
        return "1"

    turns = [{"say": "a", "expect": [{"exact": "1"}]}] * 2
    assert run_suite(_suite(*turns), conversation).passed
    assert run_suite(_suite(*turns), lambda: answer).passed
    agent = Agent(ScriptedModel(["1", "1"]))
    assert run_suite(_suite(*turns), lambda: agent.ask).passed  # what it gives is an AgentResult


def test_the_model_is_given_to_what_makes_the_target() -> None:
    suite = _suite({"say": "a", "expect": [{"exact": "b"}]})
    assert run_suite(suite, lambda model: Agent(model), model=ScriptedModel(["b"])).passed
    with pytest.raises(InvalidRequestError, match="cannot be called with model"):
        run_suite(suite, lambda: Agent(), model=ScriptedModel(["b"]))
    with pytest.raises(InvalidRequestError, match="is an agent already and takes no model"):
        run_suite(suite, Agent(), model=ScriptedModel(["b"]))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (3, "the target is 3: it must be an Agent, or a function"),
        (lambda text: text, r"cannot be called with nothing \(missing a required argument: 'text'\)"),
        (lambda: 3, "the target made 3"),
    ],
)
def test_what_is_no_target_is_an_error(target: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        run_suite(_suite({"say": "a"}), target)


def test_a_target_that_ends_the_process_is_an_error() -> None:
    with pytest.raises(LLMAgentOSError, match="the target could not be made: it tried to end the process"):
        run_suite(_suite({"say": "a"}), lambda: sys.exit(3))


def test_a_target_that_cannot_be_made_is_an_error_that_says_where() -> None:
    def broken() -> None:
        raise KeyError("orders")

    with pytest.raises(
        LLMAgentOSError, match=r"the target could not be made: KeyError: 'orders' \(.*test_run\.py:\d+\)"
    ):
        run_suite(_suite({"say": "a"}), broken)


def test_a_reply_that_fails_ends_its_case_only() -> None:
    def reply(text: str) -> Any:
        if text == "leave":
            raise SystemExit(3)
        if text == "number":
            return 3
        return {}[text]

    cases = [{"name": text, "turns": [{"say": text}, {"say": "more"}]} for text in ("oops", "leave", "number")]
    report = run_suite(suite_of("suite", {"cases": cases}), lambda: reply)
    errors = [case.turns[0].error for case in report.cases]
    assert "KeyError: 'oops' (" in errors[0]
    assert "test_run.py:" in errors[0]
    assert errors[1:] == ["it tried to end the process", "the target answered 3, and must answer with a text"]
    assert [(len(case.turns), case.n_turns, case.passed) for case in report.cases] == [(1, 2, False)] * 3
    assert report.n_passed == 0


def test_a_turn_without_checks_must_not_fail() -> None:
    assert run_suite(_suite({"say": "a"}), lambda: lambda text: "").passed


def test_turns_that_take_too_long_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "GRACE", 0.05)
    released, cancelled = threading.Event(), threading.Event()

    def stuck(text: str) -> str:
        released.wait(10)
        return ""

    @tool
    async def wait() -> None:
        """Wait."""
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    suite = _suite({"say": "a"}, {"say": "b"}, timeout=0.05)
    for target in (lambda: stuck, lambda: Agent(ScriptedModel([ScriptedCall("wait")]), tools=[wait])):
        started = time.monotonic()
        report = run_suite(suite, target)
        assert [turn.error for turn in _first(report)] == ["no answer in 0.05 seconds"]
        assert time.monotonic() - started < 5
    released.set()
    assert cancelled.wait(5)


def test_a_suite_that_needs_a_judge_is_not_run_without() -> None:
    with pytest.raises(InvalidRequestError, match="no judge is named"):
        run_suite(_suite({"say": "a", "expect": [{"judge": "be kind"}]}), lambda: lambda text: "b")
