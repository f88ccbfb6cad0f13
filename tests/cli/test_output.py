"""Paths, bytes and closed streams, through real pipes and locales."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.cli.output import json_of, piped, printable
from llmagentos.errors import InvalidRequestError
from llmagentos.market import cache, catalogue

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")

NAME = "smollm2-135m-instruct"
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES = [{}, ASCII_LOCALE, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}]


def command(*arguments: str | bytes, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **variables}
    line = [sys.executable, "-m", "llmagentos", *arguments]
    return subprocess.run(line, input=stdin, capture_output=True, env=environment, timeout=120, check=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose name is no UTF-8, with the default model in it (sparse, so that it takes no space)."""
    folder = tmp_path / os.fsdecode(b"h\xc3\xa9\xff")
    monkeypatch.setenv("LLMAGENTOS_HOME", str(folder))
    entry = next(entry for entry in catalogue() if entry.name == NAME)
    path = cache.path_of(entry)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(entry.n_bytes)
    cache.write_marker(entry)
    return folder


@pytest.mark.parametrize("variables", LOCALES)
def test_a_path_that_is_printed_exists(home: Path, variables: dict[str, str]) -> None:
    found = command("pull", NAME, **variables)
    assert os.path.isfile(found.stdout.removesuffix(b"\n"))
    lines = command("doctor", **variables).stdout.splitlines()
    assert f"cache: {home} (".encode("utf-8", "surrogateescape") in b"\n".join(lines)
    (path,) = [row["path"] for row in json.loads(command("models", "--json", **variables).stdout) if row["path"]]
    assert os.path.isfile(path)
    assert json.loads(command("doctor", "--json", **variables).stdout)["cache"]["path"] == str(home)


@pytest.mark.parametrize("variables", LOCALES)
def test_an_error_shows_bytes_of_a_path_as_numbers(variables: dict[str, str]) -> None:
    run = command("generate", "hi", "-m", b"./none\xff.gguf", **variables)
    assert run.returncode == 1
    assert run.stderr.startswith(rb"error: there is no file none\xff.gguf")


@pytest.mark.parametrize("arguments", [["models"], ["doctor"], ["--help"], ["--version"], ["generate", "--help"]])
def test_closed_standard_output_is_a_failure(arguments: list[str]) -> None:
    line = f"exec {sys.executable} -m llmagentos {' '.join(arguments)} >&-"
    run = subprocess.run(["/bin/sh", "-c", line], stderr=subprocess.PIPE, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (1, b"error: standard output: it is closed\n")


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["generate", b"caf\xe9"], b"", b"the prompt on the command line is not UTF-8: byte 0xe9 at 3"),
        (["generate"], b"caf\xe9 au", b"standard input is not UTF-8: byte 0xe9 at 3"),
        (["chat", "--system", b"\xff"], b"", b"--system on the command line is not UTF-8: byte 0xff at 0"),
        (["perplexity", "-"], b"ab\xff", b"standard input is not UTF-8: byte 0xff at 2"),
        (["perplexity", b"no\xffne"], b"", rb"no\xffne: No such file or directory"),
    ],
)
@pytest.mark.parametrize("variables", [{}, ASCII_LOCALE])
def test_text_that_is_not_utf8_is_named(
    variables: dict[str, str], arguments: list[str | bytes], stdin: bytes, message: bytes
) -> None:
    run = command(*arguments, stdin=stdin, **variables)
    assert (run.returncode, run.stdout) == (1, b"")
    assert run.stderr.startswith(b"error: " + message)


def test_utf8_in_another_locale_is_still_utf8() -> None:
    code = "import sys; from llmagentos.cli.output import checked_argument as c; print(ascii(c(sys.argv[1], 'x')))"
    line = [sys.executable, "-c", code, "日本".encode()]
    run = subprocess.run(line, capture_output=True, env={**os.environ, **ASCII_LOCALE}, timeout=60, check=True)
    assert run.stdout == b"'\\u65e5\\u672c'\n"


def test_help_and_usage_errors_are_plain_in_a_pipe() -> None:
    for arguments in (["--help"], ["generate", "--help"], ["generate", "--no-such-option"], ["pull"]):
        run = command(*arguments)
        out = (run.stdout + run.stderr).decode()
        assert out.startswith("Usage: llmagentos")
        assert not {"│", "╭", "|", "\x1b"} & set(out)


def test_what_a_terminal_gets_holds_no_controls_and_no_surrogates() -> None:
    assert printable("a\x1b\udcffé\n") == "a\ufffd\\xffé\n"
    assert piped("é\udcff") == "é\udcff"
    assert json_of({"é": "\udcff"}) == '{\n  "\\u00e9": "\\udcff"\n}'


def test_input_in_a_string_has_the_encoding_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmagentos.cli.output import checked_input

    monkeypatch.setattr(sys, "stdin", None)
    assert checked_input("日\udce6\udc9c\udcac") == "日本"
    with pytest.raises(InvalidRequestError, match="byte 0xe9 at 1"):
        checked_input("a\udce9")
