"""`market`, `new` and `run`, as a user and a script see them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from llmagentos.cli import main
from llmagentos.market import RemoteEntry, catalogue

MANIFEST = """name = "bread"
version = "1.0"
description = "Answers questions about bread."
licence = "MIT"
tools = ["files", "calculator"]
permissions = ["prints recipes"]
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command; returns (exit code, standard output, standard error)."""
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "bread"
    (folder / "tests").mkdir(parents=True)
    (folder / "app.toml").write_text(MANIFEST)
    (folder / "main.py").write_text("import sys\nprint('bread', sys.argv[1:])\nsys.exit(3)\n")
    (folder / "README.md").write_text("# Bread\n")
    (folder / "LICENSE").write_text("MIT\n")
    (folder / "tests" / "test_main.py").write_text("def test() -> None: ...\n")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_words_of_others_are_as_they_are(run, folder):
    import pty

    (folder / "app.toml").write_text(MANIFEST.replace("Answers", "[/red] [blink]Answers[/blink] :bread:"))
    assert run("market", "install", str(folder), "--yes")[0] == 0
    reader, writer = pty.openpty()
    environment = dict(os.environ, COLUMNS="300", TERM="xterm")
    command = [sys.executable, "-m", "llmagentos", "market", "search", "bread"]
    subprocess.run(command, stdout=writer, env=environment, check=True, timeout=60)
    os.close(writer)
    assert "[/red] [blink]Answers[/blink] :bread: questions" in os.read(reader, 1 << 16).decode()


def test_a_broken_entry_of_an_index_is_named_and_the_others_are_offered(run, monkeypatch):
    from llmagentos.market.applications import index

    entry = {"name": "cake", "version": "1.0", "description": "About cake.", "licence": "MIT", "sha256": "0" * 64}
    entries = [entry, *({**entry, "archive": "cake.zip", "n_bytes": n} for n in (1, 2))]
    monkeypatch.setattr(index, "fetch", lambda *_: json.dumps({"applications": entries}))
    code, out, err = run("market", "search", "cake", "--index", "http://localhost/i.json")
    assert (code, [line.split("\t")[1] for line in out.splitlines()]) == (0, ["name", "cake", "cake"])
    assert err == "left out: http://localhost/i.json, entry 1: the field 'archive' is missing\n"
    code, out, _ = run("market", "show", "cake", "--index", "http://localhost/i.json")
    assert (code, "Archive: http://localhost/cake.zip, 1 " in out) == (0, True)


def test_with_an_index_a_name_is_the_index_s_whatever_folder_is_here(run, monkeypatch, tmp_path):
    from llmagentos.market.applications import index

    (tmp_path / "bread").mkdir()
    (tmp_path / "bread" / "app.toml").write_text(MANIFEST)
    (tmp_path / "bread" / "main.py").write_text("print('hello')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(index, "fetch", lambda *_: json.dumps({"applications": []}))
    code, _, err = run("market", "install", "bread", "--index", "http://localhost/i.json", "--yes")
    assert (code, err) == (1, "error: http://localhost/i.json offers no 'bread'; it offers nothing\n")
    assert run("market", "install", "./bread", "--index", "http://localhost/i.json", "--yes")[0] == 0


def test_applications_and_models_are_listed_together(run):
    code, out, _ = run("market", "list")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert rows[0] == ["kind", "name", "version", "licence", "source", "description"]
    assert ["application", "documents"] in [row[:2] for row in rows]
    assert {row[1] for row in rows if row[0] == "model"} == {entry.name for entry in catalogue()}
    assert all(len(row) == 6 for row in rows)


def test_what_is_broken_is_named_beside_the_list(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path))
    (tmp_path / "applications" / "bread").mkdir(parents=True)
    (tmp_path / "applications" / "bread" / "app.toml").write_text("name = ")
    code, out, err = run("market", "list")
    assert (code, "documents" in out) == (0, True)
    assert err.startswith(f"left out: {tmp_path / 'applications' / 'bread' / 'app.toml'}: not TOML")


def test_searching_finds_all_words(run):
    _, out, _ = run("market", "search", "FOLDER passages")
    assert [line.split("\t")[1] for line in out.splitlines()[1:]] == ["documents"]


def test_permissions_are_shown_before_installing_and_nobody_is_asked_in_a_script(run, folder):
    code, out, err = run("market", "install", str(folder))
    assert "reads files below a folder" in out
    assert "prints recipes" in out
    assert code == 1
    assert "--yes" in err
    assert "bread" not in run("market", "list")[1]


def test_an_archive_is_made_checked_installed_and_run(run, folder, tmp_path):
    archive = tmp_path / "bread.zip"
    code, out, _ = run("market", "publish-check", str(folder), "--archive", str(archive))
    entry = json.loads(out)
    assert code == 0
    assert entry["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    code, _, err = run("market", "install", str(archive), "--yes", "--sha256", "0" * 64)
    assert code == 1
    assert "and should have" in err
    code, out, _ = run("market", "install", str(archive), "--yes", "--sha256", entry["sha256"])
    assert code == 0
    assert "bread is installed" in out
    assert "installed, in" in run("market", "show", "bread")[1]
    ended = subprocess.run(
        [sys.executable, "-m", "llmagentos", "run", "bread", "--loud", "rye"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (3, "bread ['--loud', 'rye']\n")
    asked = subprocess.run(
        [sys.executable, "-m", "llmagentos", "run", "bread", "--help"], capture_output=True, text=True, check=False
    )
    assert asked.stdout == "bread ['--help']\n"  # the application's help, not that of `run`
    assert run("market", "uninstall", "bread")[0] == 0
    assert run("run", "bread")[0] == 1


def test_what_is_not_fit_is_told_and_not_packed(run, folder, tmp_path):
    (folder / "README.md").unlink()
    code, out, err = run("market", "publish-check", str(folder), "--archive", str(tmp_path / "bread.zip"))
    assert (code, out) == (1, "")
    assert "README.md is missing" in err
    assert not (tmp_path / "bread.zip").exists()


def test_models_are_shown_too(run):
    _, out, _ = run("market", "show", "smollm2")
    assert "llmagentos pull smollm2-135m-instruct" in out
    remote = next(entry for entry in catalogue() if isinstance(entry, RemoteEntry))
    assert f"which a service runs: {remote.service}" in run("market", "show", remote.name)[1]
    code, _, err = run("market", "show", "no-such-thing")
    assert code == 1
    assert "no application is named 'no-such-thing'" in err


def test_a_new_project_has_tests_that_pass(run, tmp_path):
    project = tmp_path / "my-notes"
    code, out, _ = run("new", "documents", str(project))
    assert code == 0
    assert "llmagentos run" in out
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project)],
        capture_output=True, text=True, check=False, cwd=project,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout


def test_the_documents_application_answers_with_sources():
    ended = subprocess.run(
        [sys.executable, "-m", "llmagentos", "run", "documents"],
        input="How many days do I have to return an order?\nxylophone\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "within 30 days of delivery" in ended.stdout
    assert "[returns.md:" in ended.stdout
    assert ended.stdout.endswith("The documents say nothing about that.\n\n")


def test_control_c_ends_an_application_without_a_traceback(folder):
    (folder / "main.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "llmagentos", "run", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 130


def test_files_of_the_current_folder_are_no_part_of_an_application(folder, tmp_path):
    for name in ("random", "string", "logging", "types", "llmagentos"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not mine')\n")
    (folder / "main.py").write_text("import logging, random, string, llmagentos\nprint(llmagentos.__name__)\n")
    command = folder / "command.py"  # as the installed one is: a script in another folder
    command.write_text("from llmagentos.cli import main\nmain()\n")
    ended = subprocess.run(
        [sys.executable, str(command), "run", str(folder)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout) == (0, "llmagentos\n"), ended.stderr


def test_sources_that_are_nothing_are_errors(run, tmp_path):
    for source in ("bread", str(tmp_path / "missing.zip"), "http://127.0.0.1:9/a.zip"):
        code, _, err = run("market", "install", source, "--yes")
        assert code == 1
        assert err.startswith("error: ")
