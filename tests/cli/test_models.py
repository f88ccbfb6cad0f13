"""`models` in a pipe, as JSON and on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.cli import main, models
from llmagentos.market import cache, catalogue
from llmagentos.market.memory import Memory

DEFAULT = "smollm2-135m-instruct"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command, which must succeed; returns its standard output."""
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["models", *arguments])
        assert not ended.value.code
        return capsys.readouterr().out

    return run


def put_in_cache(name: str) -> str:
    entry = next(entry for entry in catalogue() if entry.name == name)
    path = cache.path_of(entry)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(entry.n_bytes)  # sparse: takes no space
    cache.write_marker(entry)
    return str(path)


def test_in_a_pipe_each_model_is_a_line_of_fields_between_tabs(run):
    put_in_cache(DEFAULT)
    out = run()
    header, *lines = [line.split("\t") for line in out.splitlines()]
    rows = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert set(rows) == {entry.name for entry in catalogue()}
    assert rows[DEFAULT]["parameters"] == "134515008"
    assert rows[DEFAULT]["licence"] == "Apache-2.0"
    assert rows[DEFAULT]["cached"] == "yes"
    assert rows["gemma-3-270m"]["cached"] == "no"
    assert "\x1b" not in out


def test_it_is_said_that_no_model_is_like_that(run, capsys, monkeypatch):
    with pytest.raises(SystemExit):
        main(["models", "no-such-model"])
    out, err = capsys.readouterr()
    assert out.splitlines() == ["\t".join(models._FIELDS)]
    assert err.startswith("no model of the catalogue is like that: ")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run("no-such-model") == ""


@pytest.mark.parametrize(("available", "fits"), [(1 << 40, True), (1 << 20, False), (None, None)])
def test_json_says_where_a_model_is_and_whether_it_fits(run, monkeypatch, available, fits):
    path = put_in_cache(DEFAULT)
    monkeypatch.setattr("llmagentos.market.memory.memory", lambda: Memory(None, available))
    rows = {row["name"]: row for row in json.loads(run("--json"))}
    assert rows[DEFAULT]["path"] == path
    assert rows["gemma-3-270m"]["path"] is None
    assert {row["fits_memory"] for row in rows.values() if row["kind"] == "local"} == {fits}
    assert rows[DEFAULT]["bytes"] == 98362432


def names(run, *options: str) -> set[str]:
    return {row["name"] for row in json.loads(run("--json", *options))}


def test_a_pattern_is_looked_for_in_names_families_and_sources(run):
    assert names(run, "QWEN3-8B") == {"qwen3-8b", "qwen3-8b-q4_k_m"}
    assert names(run, "gpt2*") == {"gpt2", "gpt2-medium", "gpt2-xl"}
    assert {"pythia-160m", "gpt-j-6b"} <= names(run, "eleutherai")
    assert DEFAULT in names(run, "smollm2") & names(run, "pypi:*")
    assert names(run, "no such model") == set()


def test_a_task_a_cache_and_a_memory_choose(run, monkeypatch):
    assert {"bart-large-cnn", "pegasus-xsum"} <= names(run, "--task", "summarise") <= names(run)
    assert names(run, "--cached") == set()
    put_in_cache(DEFAULT)
    assert names(run, "--cached") == {DEFAULT}
    assert names(run, "--cached", "--task", "embedding") == set()
    monkeypatch.setattr("llmagentos.market.memory.memory", lambda: Memory(None, 600 * 10**6))
    assert {DEFAULT, "bge-small-en-v1.5"} <= names(run, "--fits")
    assert "qwen3-0.6b" not in names(run, "--fits")


def test_a_task_that_no_model_has_is_refused(run, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["models", "--task", "sing"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: --task sing is not valid: it must be one of chat, base, ")


def test_a_model_on_the_hub_says_where_it_comes_from(run):
    (row,) = json.loads(run("bart-large-cnn", "--json"))
    assert (row["source"], row["licence"], row["task"]) == ("hf:facebook/bart-large-cnn", "MIT", "summarise")
    assert row["memory_bytes"] > row["bytes"] == 4 * row["parameters"]


def test_a_model_of_a_service_has_no_size_and_needs_none(run, monkeypatch):
    (row,) = json.loads(run("gpt-3", "--json"))
    assert (row["name"], row["kind"], row["source"]) == ("gpt-6.1-terra", "remote", "openai:gpt-6.1-terra")
    assert list(row["stands_for"]) == ["gpt-3"]
    assert {row[field] for field in ("bytes", "memory_bytes", "parameters", "path", "fits_memory")} == {None}
    header, line = (text.split("\t") for text in run("lamda").splitlines())
    cells = dict(zip(header, line, strict=True))
    assert (cells["name"], cells["bytes"], cells["cached"], cells["fits_memory"]) == ("gemini-3.8-flash", "-", "-", "-")
    assert "gpt-6.1-terra" not in names(run, "--cached") | names(run, "--fits")


@pytest.mark.parametrize("width", [200, 40])
def test_the_table_says_that_a_service_runs_it(run, width):
    from llmagentos.cli.models_table import table

    (row,) = json.loads(run("gpt-6-luna", "--json"))
    lines = [line for line, _ in table([row], width)]
    assert any("remote" in line.split() for line in lines)
    assert not any("None" in line for line in lines)


def test_a_cache_that_cannot_be_read_is_told_of_and_the_rest_is_shown(run, monkeypatch, capsys):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cache, "status_of", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["models"])
    assert not ended.value.code
    out, err = capsys.readouterr()
    unknown = {line.split("\t")[0] for line in out.splitlines()[1:] if line.split("\t")[4] == "unknown"}
    assert unknown == {"gemma-3-270m", DEFAULT}
    assert "problem: cannot look for gemma-3-270m in " in err
    assert "Permission denied" in err
    problems = {row["name"]: row["problem"] for row in json.loads(run("--json")) if row["problem"] is not None}
    assert set(problems) == unknown
    assert all("Permission denied" in problem for problem in problems.values())


def test_a_hubs_cache_that_cannot_be_read_is_told_of(run, monkeypatch, capsys):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("llmagentos.market.sources.hub_cache._commit_in", refuse)
    with pytest.raises(SystemExit):
        main(["models", "bart-large-cnn"])
    out, err = capsys.readouterr()
    assert "\tunknown\t" in out
    assert err.startswith("problem: cannot look for hf:facebook/bart-large-cnn in ")
    assert "HF_HOME" in err


def test_a_model_that_cannot_be_opened_is_told_of(run, monkeypatch, capsys):
    put_in_cache(DEFAULT)
    monkeypatch.setattr(cache, "file_fault", lambda path: f"{path} cannot be read")
    assert {row["problem"] is None for row in json.loads(run("--json")) if row["name"] == DEFAULT} == {False}
    assert run().count("unknown") == 1


@pytest.mark.parametrize("width", [10, 40, 79, 80, 100, 119, 200])
def test_whatever_the_width_only_descriptions_wrap(run, width):
    from llmagentos.cli.models_table import table

    rows = json.loads(run("--json"))
    lines = [line for line, _ in table(rows, width)]
    words = " ".join(lines).split()
    for row in rows:
        assert {row["name"], *row["licence"].split(), *row["description"].split()} <= set(words)
    assert all(len(line) <= width for line in lines) or width < 40
    assert all(line.isascii() for line in lines)
    if width >= 80:
        assert any(DEFAULT in line and "135 M" in line and "98.4 MB" in line and "Apache-2.0" in line for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_it_is_a_table(tmp_path):
    import pty

    reader, writer = pty.openpty()
    environment = dict(os.environ, COLUMNS="100", TERM="xterm", LLMAGENTOS_HOME=str(tmp_path))
    command = [sys.executable, "-m", "llmagentos", "models", "smollm2"]
    subprocess.run(command, stdout=writer, env=environment, check=True, timeout=60)
    os.close(writer)
    text = os.read(reader, 1 << 16).decode()
    assert DEFAULT in text
    assert "98.4 MB" in text
    assert "135 M" in text
    assert "\t" not in text
