"""The editor of `llmagentos chat`, with its keys pressed through a pipe."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from llmagentos.cli import chat_prompt
from llmagentos.cli.chat_prompt import line_reader


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PipeInput]:
    monkeypatch.setenv("LLMAGENTOS_HOME", str(tmp_path / "home"))
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(chat_prompt, "sys", SimpleNamespace(stdin=terminal, stdout=terminal))
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


ENTER, ALT_ENTER, CTRL_J, UP, CTRL_C, CTRL_D = "\r", "\x1b\r", "\n", "\x1b[A", "\x03", "\x04"


@pytest.mark.parametrize("new_line", [ALT_ENTER, CTRL_J])
def test_enter_sends_and_another_key_begins_a_line(keys: PipeInput, new_line: str) -> None:
    keys.send_text(f"one{new_line}two{ENTER}")
    assert line_reader()() == "one\ntwo"


def test_what_is_pasted_may_have_lines(keys: PipeInput) -> None:
    keys.send_text(f"\x1b[200~one\ntwo\x1b[201~{ENTER}")
    assert line_reader()() == "one\ntwo"


def test_what_was_typed_is_there_again_also_in_the_next_session(keys: PipeInput, tmp_path: Path) -> None:
    keys.send_text(f"first{CTRL_J}lines{ENTER}")
    line_reader()()
    file = tmp_path / "home" / "chat_history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keys.send_text(f"{UP}{UP}{ENTER}")
    assert line_reader()() == "first\nlines"


def test_without_a_place_for_a_history_there_is_none_to_keep(keys: PipeInput, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    keys.send_text(f"one{ENTER}")
    assert line_reader()() == "one"


def test_leaving_and_dropping_what_is_typed(keys: PipeInput) -> None:
    read = line_reader()
    keys.send_text(f"half{CTRL_C}")
    with pytest.raises(KeyboardInterrupt):
        read()
    keys.send_text(CTRL_D)
    with pytest.raises(EOFError):
        read()
