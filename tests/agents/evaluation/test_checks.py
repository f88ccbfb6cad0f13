"""Checks: of which replies each finds a fault."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.agents.evaluation.judge import Judge
from llmagentos.agents.evaluation.reply import MadeCall, Reply
from llmagentos.agents.evaluation.suite import suite_of
from llmagentos.agents.evaluation.tool_call_check import same
from llmagentos.agents.scripted import ScriptedModel
from llmagentos.completion import Completion, Usage
from llmagentos.errors import ProviderError

REPLY = Reply(
    "It takes\n  3 Days.",
    "done",
    (
        MadeCall("look_up", '{"city": "Rome", "days": 3}', "ok"),
        MadeCall("look_up", '{"city": "Bonn", "days": 9}', "error"),
        MadeCall("pay", "{broken", None),
    ),
)


def _fault(check: dict[str, Any], reply: Reply = REPLY, judge: Judge | None = None) -> str | None:
    suite = suite_of("suite", {"cases": [{"name": "a", "turns": [{"say": "How long?", "expect": [check]}]}]})
    return suite.cases[0].turns[0].expect[0].fault("How long?", reply, judge)


@pytest.mark.parametrize(
    "check",
    [
        {"exact": "It takes 3 Days."},
        {"exact": "it TAKES 3 days.", "ignore_case": True},
        {"contains": "takes 3"},
        {"contains": ["It", "days"], "ignore_case": True},
        {"not_contains": ["weeks", "days"]},
        {"regex": r"\d Days\.$"},
        {"regex": "days", "ignore_case": True},
        {"not_regex": r"\d\d"},
        {"status": "done"},
        {"tool_call": "look_up"},
        {"tool_call": "look_up", "times": 2},
        {"tool_call": "look_up", "arguments": {"city": "Rome"}, "outcome": "ok", "times": 1},
        {"tool_call": "look_up", "arguments_schema": {"properties": {"days": {"maximum": 5}}}, "times": 1},
        {"tool_call": "*", "times": 3},
        {"tool_call": "erase", "times": 0},
        {"tool_call": "pay"},
    ],
)
def test_what_passes(check: dict[str, Any]) -> None:
    assert _fault(check) is None


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ({"exact": "it takes 3 days."}, "the answer was 'It takes 3 Days.'"),
        ({"contains": ["It", "days"]}, "'days' is not in it; the answer was"),
        ({"not_contains": "takes 3"}, "'takes 3' is in it"),
        ({"regex": "days"}, "nothing in it matches"),
        ({"not_regex": "D"}, "something in it matches"),
        ({"schema": {"type": "object"}}, "it is not JSON"),
        ({"status": "blocked"}, "the run ended 'done'"),
        ({"tool_call": "erase"}, "such calls: 0; all calls: look_up {"),
        ({"tool_call": "look_up", "times": 1}, "such calls: 2"),
        ({"tool_call": "*", "times": 0}, "such calls: 3"),
        ({"tool_call": "look_up", "arguments": {"city": "rome"}}, "such calls: 0"),
        ({"tool_call": "look_up", "arguments": {"unit": "C"}}, "such calls: 0"),
        ({"tool_call": "pay", "arguments": {"amount": 3}}, r"pay {broken (not run)"),
        ({"judge": "be kind"}, "there is no judge to ask"),
    ],
)
def test_what_does_not(check: dict[str, Any], fault: str) -> None:
    assert fault in str(_fault(check))


def test_arguments_that_go_on_are_cut_in_a_fault() -> None:
    reply = Reply("", "done", (MadeCall("pay", '{"amount": ' + "9" * 5000 + "}", "error"),))
    fault = str(_fault({"tool_call": "erase"}, reply))
    assert fault.endswith("999 ... (error)")
    assert len(fault) < 500


def test_json_is_checked_against_schemas() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 3}}, "required": ["n"]}
    assert _fault({"schema": schema}, Reply('{"n": 2}')) is None
    assert "n: 4 is greater than the maximum of 3" in str(_fault({"schema": schema}, Reply('{"n": 4}')))
    assert "'n' is a required property" in str(_fault({"schema": schema}, Reply("{}")))


def test_a_function_has_no_status() -> None:
    assert "is no agent" in str(_fault({"status": "done"}, Reply("x")))


def test_values_are_compared_as_json() -> None:
    assert same({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not same({"a": [1]}, {"a": [True]})
    assert not same([1], [1, 2])
    assert not same({"a": 1}, {"a": 1, "b": 2})


class Grader:
    """Stands in for a model that answers in a given form."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.messages: list[dict[str, Any]] = []

    def chat(self, messages: list[dict[str, Any]], params: Any, response_format: Any) -> Completion:
        self.messages = messages
        if isinstance(self.answer, Exception):
            raise self.answer
        try:
            parsed = response_format.model_validate_json(self.answer)
        except ValueError:
            parsed = None
        return Completion(self.answer, [], None, "stop", Usage(1, 1), parsed=parsed)


def test_a_judge_gives_its_reason() -> None:
    grader = Grader('{"reason": "It is short.", "verdict": "pass"}')
    assert _fault({"judge": "be short"}, judge=Judge(grader)) is None
    request = grader.messages[-1]["content"]
    assert all(text in request for text in ("How long?", REPLY.text, "be short"))
    grader.answer = '{"reason": "It is rude.", "verdict": "fail"}'
    assert _fault({"judge": "be kind"}, judge=Judge(grader)) == "the judge: It is rude."


def test_a_judge_that_gives_no_verdict_has_passed_nothing() -> None:
    assert "no verdict (stop): well" in str(_fault({"judge": "be kind"}, judge=Judge(Grader("well"))))
    assert "the judge failed: gone" in str(_fault({"judge": "be kind"}, judge=Judge(Grader(ProviderError("gone")))))
    assert "no verdict" in str(_fault({"judge": "be kind"}, judge=Judge(ScriptedModel(["fine"]))))
