"""`doctor`: what it shows, and what it calls a problem."""

from __future__ import annotations

import importlib.metadata
import json

import pytest

from llmagentos.cli import doctor as command
from llmagentos.cli import main
from llmagentos.market import cache
from llmagentos.market.entries import entry_named

MACHINE = {"cpu": "A CPU", "isa": "avx2", "isas": ["baseline", "avx2"], "usable_cpus": 2}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command on a pretend machine; returns (exit code, standard output)."""
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path))
    monkeypatch.setattr(command, "_machine", lambda problems: MACHINE)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.2.3")
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["numpy>=1.24", 'pytest>=8; extra == "test"'])

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["doctor", *arguments])
        return ended.value.code or 0, capsys.readouterr().out

    return run


def test_it_tells_the_machine_the_cache_and_the_versions(run, tmp_path):
    found = json.loads(run("--json")[1])
    assert {key: found[key] for key in MACHINE} == MACHINE
    assert found["threads"] == 2
    assert found["cache"] == {"path": str(tmp_path), "bytes": 0, "models": [], "unfinished": []}
    assert found["versions"]["llmagentos"] == found["versions"]["numpy"] == "1.2.3"
    assert "pytest" not in found["versions"]
    assert found["settings"]["LLMAGENTOS_HOME"] == str(tmp_path)
    assert found["problems"] == []


def test_in_a_pipe_it_is_lines_of_text(run):
    code, out = run()
    assert code == 0
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    assert lines["CPU"] == "A CPU"
    assert lines["ISA"] == "avx2 (of baseline, avx2)"
    assert lines["problems"] == "none"
    assert "\x1b" not in out


def test_a_model_that_was_never_checked_is_a_problem_and_an_unfinished_pull_is_not(run):
    entry, other = entry_named("smollm2"), entry_named("gemma-3-270m")
    for path in (cache.path_of(entry), cache.partial_of(other)):
        path.parent.mkdir(parents=True)
    with cache.path_of(entry).open("wb") as file:
        file.truncate(entry.n_bytes)
    cache.partial_of(other).write_bytes(b"GGUF")
    code, out = run()
    assert code == 1
    assert "problem: " in out
    assert "llmagentos pull smollm2-135m-instruct" in out
    assert "unfinished: gemma-3-270m" in out
    cache.write_marker(entry)
    assert json.loads(run("--json")[1])["cache"]["models"][0]["checked"] is True
    assert json.loads(run("--json")[1])["problems"] == []


def test_a_missing_dependency_is_named(run, monkeypatch):
    def version(name: str) -> str:
        if name == "numpy":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert json.loads(run("--json")[1])["problems"] == ["numpy is missing: `pip install numpy` installs it"]


def test_the_compiled_core_answers_for_the_machine():
    problems: list[str] = []
    machine = command._machine(problems)
    assert problems == []
    assert machine["isa"] in machine["isas"]
    assert machine["usable_cpus"] >= 1
    assert machine["cpu"]


def test_an_isa_that_this_machine_has_not_is_a_problem_and_not_a_crash(monkeypatch):
    monkeypatch.setenv("LLMAGENTOS_ISA", "no-such-isa")
    problems: list[str] = []
    assert command._machine(problems) == {}
    assert len(problems) == 1
    assert "no-such-isa" in problems[0]
