"""The commands of `llmagentos chat`, in a pipe."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagentos import LLM, Chunk, loaded_model
from llmagentos.cli import main
from llmagentos.errors import ModelNotFoundError
from tests.engine.fake_model import fake_model

Run = Callable[..., tuple[int, list[tuple[str, Any]], str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `chat` on lines; returns the exit status, (model, messages) of each question, and what it printed."""
    asked: list[tuple[str, Any]] = []
    names: dict[int, str] = {}

    def open_model(model: str, _: Any) -> Any:
        if model == "nothing":
            raise ModelNotFoundError("no model 'nothing'")
        opened = fake_model()
        names[id(opened.engine)] = model
        return opened

    def stream(self: LLM, messages: Any, params: Any = None) -> Iterator[Chunk]:
        asked.append((names[id(self._engine)], list(messages)))
        yield Chunk("answer", 1, None, "stop", None)

    monkeypatch.setattr(loaded_model, "open_local_model", open_model)
    monkeypatch.setattr(LLM, "stream", stream)

    def run(*lines: str) -> tuple[int, list[tuple[str, Any]], str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        asked.clear()
        with pytest.raises(SystemExit) as caught:
            main(["chat", "-m", "first"])
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), list(asked), out, err

    return run


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


ANSWER = {"role": "assistant", "content": "answer"}


def test_model_goes_on_with_another(run: Run) -> None:
    code, asked, out, _ = run("/model", "one", "/model second", "two")
    assert code == 0
    assert asked == [("first", [user("one")]), ("second", [user("one"), ANSWER, user("two")])]
    assert out.startswith("The model is first.\n")
    assert "The model is second.\n" in out


def test_a_model_that_there_is_not_is_an_error(run: Run) -> None:
    code, asked, _, err = run("one", "/model nothing", "two")
    assert (code, err) == (1, "error: no model 'nothing'\n")
    assert len(asked) == 1


def test_system_sets_shows_and_removes_what_the_model_is_told(run: Run) -> None:
    _, asked, out, _ = run("/system", "/system Be  brief.", "one", "/system -", "two")
    assert asked[0][1] == [{"role": "system", "content": "Be  brief."}, user("one")]
    assert asked[1][1] == [user("one"), ANSWER, user("two")]
    assert out.splitlines()[:2] == ["There is no system prompt.", "The system prompt is: Be  brief."]


def test_a_conversation_is_saved_and_goes_on(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a chat.json"
    _, _, out, _ = run("/model second", "/system Say 你好.", "one", f"/save {file}")
    assert f"Saved to {file}." in out
    assert "你好" in file.read_text("utf-8")
    _, asked, out, _ = run(f"/load {file}", "two", f"/save {file}")
    assert asked == [("second", [{"role": "system", "content": "Say 你好."}, user("one"), ANSWER, user("two")])]
    assert out.startswith("> one\nanswer\nThe conversation goes on with second.\n")
    assert len(json.loads(file.read_text("utf-8"))["messages"]) == 5


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "it is not JSON"),
        ("[]", "it has no format 'llmagentos.chat/1' and model"),
        ('{"format": "llmagentos.chat/1", "model": "m", "messages": [{"role": "king"}]}', "messages[0].role='king'"),
        ('{"format": "llmagentos.chat/1", "model": "m", "messages": 5}', "messages must be a list"),
    ],
)
def test_a_file_that_holds_no_conversation_is_neither_read_nor_overwritten(
    run: Run, tmp_path: Path, content: str, fault: str
) -> None:
    file = tmp_path / "notes.json"
    file.write_text(content)
    for command in ("/load", "/save"):
        code, _, _, err = run(f"{command} {file}")
        assert code == 1
        assert f"{file} holds no conversation: {fault}" in err
        assert file.read_text() == content


def test_a_file_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "none" / "notes.json"
    assert f"error: {file}: No such file or directory\n" in run(f"/save {file}")[3]


def test_what_is_missing_or_too_much_is_said(run: Run) -> None:
    _, _, out, _ = run("/save", "/load", "/reset now", "/nothing")
    assert out.startswith(
        "/save needs a file to write.\n/load needs a file that /save has written.\n"
        "/reset takes nothing: now is too much.\nThere is no command /nothing.\n"
    )
    assert "/model [NAME]" in out
    assert run("/load /no/such/file")[0] == 1
