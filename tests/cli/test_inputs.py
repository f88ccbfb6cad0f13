"""Prompts and schemas from files."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from llmagentos.cli.inputs import prompt_of, response_format_in
from llmagentos.errors import InvalidRequestError


def test_a_prompt_is_put_together_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped\n"))
    file = tmp_path / "a.txt"
    file.write_text("水\n\n", "utf-8")
    assert prompt_of("Sum up:", [file, Path("-")]) == "Sum up:\n\n水\n\n\npiped"
    assert prompt_of(None, [file]) == "水\n"


def test_files_that_are_empty_are_no_prompt(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.touch()
    with pytest.raises(InvalidRequestError, match=r"no prompt: .*a\.txt is empty"):
        prompt_of(None, [file])
    assert prompt_of("Say hello.", [file]) == "Say hello.\n\n"


def test_standard_input_is_read_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="'-' is given more than once"):
        prompt_of("-", [Path("-")])


def test_bytes_that_are_no_utf8_are_told_of(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"caf\xe9")
    with pytest.raises(InvalidRequestError, match=r"a\.txt is not UTF-8: byte 0xe9 at 3"):
        prompt_of(None, [file])


def test_a_schema_that_is_no_json_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"type": }')
    with pytest.raises(InvalidRequestError, match=r"--schema .*a\.json is not JSON: .* column 10"):
        response_format_in(file)
