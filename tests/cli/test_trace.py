"""`llmagentos trace`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmagentos.agents.agent import Agent
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.cli import main
from llmagentos.tools.tool import tool


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return f"\x1b[31msunny in {city} " + "x" * 200


def test_runs_are_printed_as_trees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.jsonl"
    model = ScriptedModel([ScriptedCall("weather", {"city": "Rome"}), "It is sunny."])
    Agent(model, name="Teller", tools=[weather], trace=path).ask("Weather?")
    with pytest.raises(SystemExit) as left:
        main(["trace", str(path)])
    assert left.value.code == 0
    printed = re.sub(r"\d+\.\d{3} s|session=\w+", "#", capsys.readouterr().out)
    assert printed.splitlines() == [
        "run  #  agent=Teller # status=done steps=2 tokens=11",
        "  input: Weather?",
        "  text: It is sunny.",
        "    model  #  agent=Teller messages=1 prompt_tokens=1 completion_tokens=2 finish_reason=tool_calls calls=1",
        "    tool  #  tool=weather outcome=ok",
        '      arguments: {"city": "Rome"}',
        "      text: \ufffd[31msunny in Rome " + "x" * 78 + "...",
        "    model  #  agent=Teller messages=3 prompt_tokens=5 completion_tokens=3 finish_reason=stop calls=0",
        "      text: It is sunny.",
    ]
    with pytest.raises(SystemExit):
        main(["trace", "--full", str(path)])
    assert "x" * 200 in capsys.readouterr().out


def test_a_line_that_was_cut_is_told_and_the_rest_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.jsonl"
    Agent(ScriptedModel(["It is sunny."]), trace=path).ask("Weather?")
    path.write_text(path.read_text() + '{"event": "start", "id"')
    with pytest.raises(SystemExit) as left:
        main(["trace", str(path)])
    assert left.value.code == 0
    printed = capsys.readouterr()
    assert "text: It is sunny." in printed.out
    assert printed.err == f'left out: {path}, line 5: \'{{"event": "start", "id"\' is no line of a trace\n'


def test_what_is_no_trace_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("hello\n")
    for path in (tmp_path / "x", tmp_path / "missing"):
        with pytest.raises(SystemExit) as left:
            main(["trace", str(path)])
        assert left.value.code == 1
        assert str(path) in capsys.readouterr().err
