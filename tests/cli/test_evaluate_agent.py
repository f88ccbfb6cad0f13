"""`evaluate-agent`, as a user and a script see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.cli import main

MODULE = """
from llmagentos.agents.agent import Agent
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.tools import calculator

def conversation():
    print("made")
    steps = [ScriptedCall("calculator", {"expression": "2+2"}), "It is 4.", "Bye."]
    return Agent(ScriptedModel(steps), tools=[calculator])
"""
SUITE = """
[[cases]]
name = "sums"
[[cases.turns]]
say = "2 and 2?"
expect = [{ contains = "4" }, { tool_call = "calculator", outcome = "ok" }]
[[cases.turns]]
say = "Thanks"
expect = [{ exact = "You are welcome." }]
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder of its own; returns (exit code, standard output, standard error)."""
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", [*sys.path])  # which gets the folders of targets
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate-agent", *arguments])
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def suite(tmp_path, monkeypatch) -> str:
    """The path of a suite one of whose turns fails."""
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "evaluated_bot.py").write_text(MODULE)
    (folder / "suite.toml").write_text('target = "evaluated_bot:conversation"\n' + SUITE)
    monkeypatch.delitem(sys.modules, "evaluated_bot", raising=False)
    return "bot/suite.toml"


def test_the_documents_application_passes_its_suite():
    # In a process of its own: the module `main` is that of each application.
    ended = subprocess.run(
        [sys.executable, "-m", "llmagentos", "evaluate-agent", "documents"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("case\tturn\tsaid\tchecks\tresult\tseconds\n")
    assert ended.stdout.endswith("3 of 3 cases passed\n")


def test_a_check_that_fails_is_told_and_is_the_status(run, suite):
    code, out, err = run(suite)
    rows = [line.split("\t")[:5] for line in out.splitlines()]
    assert code == 1
    assert rows[1:3] == [["sums", "1", "2 and 2?", "2/2", "pass"], ["sums", "2", "Thanks", "0/1", "FAIL"]]
    assert "FAIL sums, turn 2: exact = \"You are welcome.\": the answer was 'Bye.'" in out
    assert out.endswith("0 of 1 cases passed\n")
    assert err == "made\n"  # what the target prints is no part of the report


def test_everything_is_in_the_json(run, suite):
    code, out, _ = run(suite, "--json")
    report = json.loads(out)
    first = report["cases"][0]["turns"][0]
    assert (code, report["passed"], report["n_cases"], report["n_passed"]) == (1, False, 1, 0)
    assert first["reply"]["calls"] == [{"name": "calculator", "arguments": '{"expression": "2+2"}', "outcome": "ok"}]
    assert first["reply"]["status"] == "done"
    assert [check["fault"] for check in first["checks"]] == [None, None]


def test_a_transcript_reads_as_a_conversation(run, suite):
    code, out, err = run(suite, "--transcript")
    assert code == 1
    assert out == (
        '## sums\n\n> 2 and 2?\n\n*calls calculator `{"expression": "2+2"}`: ok*\n\nIt is 4.\n\n> Thanks\n\nBye.\n\n'
    )
    assert "FAIL sums, turn 2" in err


def test_a_target_of_the_command_line_and_cases_by_name(run, suite):
    Path("bot/other.toml").write_text(SUITE)
    assert run("bot/other.toml")[2] == "error: bot/other.toml names no target, and --target was not given\n"
    code, out, _ = run("bot/other.toml", "--target", "evaluated_bot:conversation", "--case", "sums")
    assert code == 1
    assert "0 of 1 cases passed" in out
    code, _, err = run(suite, "--case", "differences")
    assert (code, err) == (1, "error: the suite has no case 'differences'; it has 'sums'\n")


def test_a_terminal_is_told_how_many_cases_are_over(run, suite, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "\rcase 1/1\n" in run(suite)[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.toml"], "missing.toml: No such file"),
        ([__file__], "is no suite: these are .toml and .json files"),
        (["no-such-app"], "no application is named 'no-such-app'"),
        (["documents", "--json", "--transcript"], "cannot both be printed"),
        (["documents", "--application", "documents"], "is for suites that are files"),
        (["documents", "--target", "main"], "'main' is not valid: it must be MODULE:NAME"),
        (["documents", "--target", "nowhere:x"], "'nowhere:x' cannot be found: No module named 'nowhere'"),
    ],
)
def test_wrong_usage_is_an_error(run, arguments, message):
    code, _, err = run(*arguments)
    assert code == 1
    assert message in err


def test_a_module_that_leaves_when_it_is_imported_is_an_error(run, tmp_path, monkeypatch):
    (tmp_path / "leaving_bot.py").write_text("raise SystemExit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    code, _, err = run("documents", "--target", "leaving_bot:x")
    assert (code, err) == (1, "error: 'leaving_bot:x' cannot be imported: it tries to end the process\n")


def test_an_application_without_a_suite_is_an_error(run, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.toml").write_text('name = "app"\nversion = "1"\ndescription = "x"\nlicence = "MIT"\n')
    (tmp_path / "app" / "main.py").write_text("")
    code, _, err = run("./app")
    assert code == 1
    assert "the application './app' has no suite: it would be" in err
