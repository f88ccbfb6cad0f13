"""`doctor`: what it shows, and what it calls a problem."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

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


def lines_and_problems(run) -> tuple[str, list[str]]:
    code, out = run("--json")
    assert code == 1
    assert run()[0] == 1
    report = json.loads(out)
    assert report["versions"]["numpy"] == "1.2.3"
    return report["cache"]["path"], report["problems"]


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_that_is_no_folder_is_a_problem(run, monkeypatch, tmp_path, below):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "file" / below))
    path, problems = lines_and_problems(run)
    assert path == str(tmp_path / "file" / below)
    assert problems == [
        f"the cache {path} cannot be made: {tmp_path / 'file'} is not a folder. Set LLMAGENTOS_HOME to a folder"
    ]


def test_a_home_that_cannot_be_written_is_a_problem(run, monkeypatch, tmp_path):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(os, "mkdir", refuse)
    path, problems = lines_and_problems(run)
    assert len(problems) == 1
    assert problems[0].startswith(f"the cache {path} cannot be written: Permission denied. ")
    assert "LLMAGENTOS_HOME" in problems[0]


def test_a_home_that_cannot_be_read_is_a_problem(run, monkeypatch, tmp_path):
    real = os.stat

    def refuse(path, *_: object, **__: object):
        if str(path).startswith(f"{tmp_path}{os.sep}"):  # mode 000: the folder is seen, what is in it is not
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "scandir", closed)
    path, problems = lines_and_problems(run)
    assert problems[0].startswith(f"the cache {path} cannot be read: Permission denied. ")
    assert any(problem.startswith("cannot look for smollm2-135m-instruct: ") for problem in problems[1:])


def test_a_model_that_cannot_be_read_is_a_problem(run, monkeypatch):
    entry = entry_named("smollm2")
    cache.path_of(entry).parent.mkdir(parents=True)
    with cache.path_of(entry).open("wb") as file:
        file.truncate(entry.n_bytes)
    cache.write_marker(entry)
    real = Path.open

    def refuse(self: Path, *arguments, **options):
        if self.suffix == ".gguf":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    _, problems = lines_and_problems(run)
    assert problems[0].startswith(f"{cache.path_of(entry)} cannot be read: Permission denied. ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every folder")
def test_a_home_of_mode_000_is_a_problem(run, tmp_path):
    tmp_path.chmod(0)
    try:
        _, problems = lines_and_problems(run)
    finally:
        tmp_path.chmod(0o700)
    assert "cannot be read" in problems[0]


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
