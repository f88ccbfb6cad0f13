"""Traces of runs, and what explains them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmagentos.agents.agent import Agent
from llmagentos.agents.memory import RecentMemory
from llmagentos.agents.records import CallResult
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.agents.session import MemorySession
from llmagentos.agents.trace_files import read_trace
from llmagentos.agents.tracing import JsonlTrace, OpenTelemetryTrace
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from llmagentos.safety import RedactionGuard
from llmagentos.tools.tool import tool


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    if city == "Atlantis":
        raise LookupError("no such city")
    return f"sunny in {city}, says a@b.example"


def agent(**options: object) -> Agent:
    steps = [[ScriptedCall("weather", {"city": city}) for city in ("Rome", "Atlantis")], "It is sunny."]
    return Agent(ScriptedModel(steps), tools=[weather], guards=[RedactionGuard()], **options)  # type: ignore[arg-type]


def test_a_run_is_a_tree_of_spans(tmp_path: Path) -> None:
    agent(trace=tmp_path / "trace.jsonl").ask("Weather?")
    (run,) = read_trace(tmp_path / "trace.jsonl")
    assert (run.name, run.attributes["status"], run.attributes["steps"], run.error) == ("run", "done", 2, None)
    assert (run.attributes["input"], run.attributes["text"]) == ("Weather?", "It is sunny.")
    assert [child.name for child in run.children] == ["model", "tool", "tool", "guard", "model"]
    model, rome, atlantis, guard, _ = run.children
    assert (model.attributes["calls"], model.attributes["finish_reason"]) == (2, "tool_calls")
    assert (rome.attributes["outcome"], rome.attributes["text"]) == ("ok", "sunny in Rome, says [e-mail address]")
    assert (atlantis.attributes["outcome"], atlantis.error) == ("error", "error")
    assert guard.attributes["action"] == "replace"
    assert all(span.seconds is not None for span in (run, *run.children))


def test_a_run_that_fails_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMAGENTOS_TRACE", str(tmp_path / "trace.jsonl"))
    with pytest.raises(LLMAgentOSError):
        Agent(ScriptedModel([LLMAgentOSError("down")])).ask("Hi")
    (run,) = read_trace(tmp_path / "trace.jsonl")
    assert run.error == run.children[0].error == "LLMAgentOSError: down"


@pytest.mark.parametrize("n_written", [0, 1, 3, 4])
def test_a_trace_that_fails_ends_no_run_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, n_written: int
) -> None:
    written: list[object] = []
    write = JsonlTrace._write

    def until_the_disk_is_full(self: JsonlTrace, line: Mapping[str, Any]) -> None:
        if len(written) == n_written:
            raise OSError(28, "No space left on device")
        written.append(line)
        write(self, line)

    monkeypatch.setattr(JsonlTrace, "_write", until_the_disk_is_full)
    result = agent(trace=tmp_path / "trace.jsonl").ask("Weather?")
    assert (result.status, [one.outcome for one in result.records if isinstance(one, CallResult)]) == (
        "done",
        ["ok", "error"],
    )
    (told,) = caplog.messages
    assert "trace.jsonl" in told
    assert "No space left on device" in told


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_trace_that_is_no_file_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    os.mkfifo(tmp_path / "pipe")  # whoever opens it for writing waits for a reader
    monkeypatch.setenv("LLMAGENTOS_TRACE", str(tmp_path / "pipe"))
    for path in (tmp_path / "pipe", tmp_path, "/dev/null"):
        session, one = MemorySession(), agent(trace=None if by_variable else path)
        with pytest.raises(InvalidRequestError, match=r"the trace '.*' is not valid: it is there, and is no file"):
            one.ask("Weather?", session)
        assert session.records == []
        assert not session.is_in_turn


def test_a_result_is_kept_before_its_span_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, kept = MemorySession(), []

    def write(_: JsonlTrace, line: Mapping[str, Any]) -> None:
        if "outcome" in line["attributes"]:
            kept.append(sum(isinstance(record, CallResult) for record in session.records))

    monkeypatch.setattr(JsonlTrace, "_write", write)
    agent(trace=tmp_path / "trace.jsonl").ask("Weather?", session)
    assert kept == [1, 2]


def test_files_of_killed_processes_and_others(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    start = '{"event": "start", "id": "a", "parent": null, "name": "run", "time": 1.0, "attributes": {}}\n'
    path.write_text(start + '{"event": "end", "id": "a", "sec')
    told: list[LLMAgentOSError] = []
    (run,) = read_trace(path, told.append)
    assert run.seconds is None
    assert str(told[0]).startswith(f'{path}, line 2: \'{{"event": "end", "id": "a", "sec\' is no line')
    path.write_text(f"{{}}\n{start}\xff\n{start}", encoding="latin-1")
    told.clear()
    assert len(read_trace(path, told.append)) == 2
    assert [str(one).split(": ")[0] for one in told] == [f"{path}, line {number}" for number in (1, 3)]
    path.write_text("{}\n")
    with pytest.raises(LLMAgentOSError, match=r"trace\.jsonl, line 1: '\{\}' is no line of a trace"):
        read_trace(path)


def test_a_run_after_one_that_was_cut_begins_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"event": "start", "id"')
    agent(trace=path).ask("Weather?")
    told: list[LLMAgentOSError] = []
    (run,) = read_trace(path, told.append)
    assert (run.attributes["status"], len(run.children), len(told)) == ("done", 5, 1)
    path.write_text(path.read_text().replace("\n", "\n\n", 1))
    told.clear()
    assert (len(read_trace(path, told.append)), len(told)) == (1, 1)


def test_open_telemetry_gets_figures_and_no_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    span = OpenTelemetryTrace().start("run", {"agent": "A", "input": "secret", "text": "secret"})
    child = span.child("tool", {"arguments": "secret", "tool": "t"})
    child.end({"outcome": "error", "text": "secret"}, "ValueError: secret")
    span.end({"steps": 2})
    tool_span, run_span = exporter.get_finished_spans()
    assert (run_span.name, dict(run_span.attributes or {})) == (
        "llmagentos.run",
        {"llmagentos.agent": "A", "llmagentos.steps": 2},
    )
    assert tool_span.parent is not None
    assert tool_span.parent.span_id == run_span.context.span_id
    assert dict(tool_span.attributes or {}) == {"llmagentos.tool": "t", "llmagentos.outcome": "error"}
    assert tool_span.status.description == "ValueError"


def test_an_explanation_names_observation_memory_and_results() -> None:
    one = agent(memory=RecentMemory(max_turns=1), session=MemorySession())
    with pytest.raises(InvalidRequestError, match="nothing to explain"):
        one.explain()
    one.ask("Weather?")
    explanation = one.explain()
    first, second = explanation.steps
    assert first.because == ("the observation: Weather?",)
    assert first.action == 'calls weather {"city": "Rome"}; calls weather {"city": "Atlantis"}'
    assert second.because == (
        'the result of weather {"city": "Rome"} (ok): sunny in Rome, says [e-mail address]',
        'the result of weather {"city": "Atlantis"} (error): LookupError: no such city',
    )
    assert str(explanation).splitlines()[-1] == "The turn ended: done."
    one._given_model = one.model = ScriptedModel(["Bye."])  # type: ignore[misc]
    one.ask("Thanks.")
    assert one.explain().steps[0].memory == ("1 of 2 turns are left out",)


def test_an_explanation_names_the_results_that_became_the_answer() -> None:
    model = ScriptedModel([ScriptedCall("weather", {"city": "Rome"})])
    one = Agent(model, tools=[weather], answer_from_tools=True, session=MemorySession())
    one.ask("Weather?")
    assert str(one.explain()).splitlines() == [
        '1. Agent: calls weather {"city": "Rome"}',
        "   because of the observation: Weather?",
        "2. Agent: says: sunny in Rome, says a@b.example",
        '   because of the result of weather {"city": "Rome"} (ok): sunny in Rome, says a@b.example',
        "The turn ended: done.",
    ]


def test_an_explanation_has_no_step_for_what_is_no_action() -> None:
    call = ScriptedCall("weather", {"city": "Rome"})
    one = Agent(ScriptedModel([call]), tools=[weather], max_steps=1, session=MemorySession())
    one.ask("Weather?")
    assert [step.action for step in one.explain().steps] == ['calls weather {"city": "Rome"}', "stops (step_limit)"]
    final = Agent(ScriptedModel([ScriptedCall("final_answer", {"answer": 3})]), tools=[weather], output_type=int)
    final.ask("Three?")
    assert [step.action for step in final.explain().steps] == ['calls final_answer {"answer": 3}']
