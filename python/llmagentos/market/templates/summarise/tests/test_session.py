"""The command and the session, as a user sees them."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from main import FOLDER, conversation, main
from reading import sentences
from summariser import COUNTS_WORDS, Summariser

from llmagentos.errors import InvalidRequestError

REPORT = str(FOLDER / "texts" / "bridge.md")


def test_a_file_is_summarised(capsys: pytest.CaptureFixture[str]) -> None:
    main([REPORT, "--words", "60"])
    assert 0 < len(capsys.readouterr().out.split()) <= 60


def test_piped_text_is_summarised_with_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("The bridge is closed now. It will open in spring again."))
    main(["--lines"])
    assert capsys.readouterr().out.splitlines()[0] == "1. The bridge is closed now. [-:1]"


def test_people_say_it_in_other_ways(tmp_path: Path) -> None:
    talk = conversation()
    assert talk.reply("What is it about?") == talk.reply("Summarize this!") == talk.reply("summary")
    assert talk.reply("40 words") == talk.reply("summary 40")
    assert talk.reply("3 sentences") == COUNTS_WORDS
    (tmp_path / "note.txt").write_text("The bridge is closed now. It will open in spring again.")
    assert talk.reply(str(tmp_path / "note.txt")).startswith("note.txt: 2 sentences")


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"missing\.txt cannot be read"):
        main([str(tmp_path / "missing.txt")])


def test_a_model_that_fails_does_not_end_the_session() -> None:
    class Model:
        info = SimpleNamespace(encoder_length=None)

        def chat(self, conversations: Any, params: Any) -> Any:
            raise InvalidRequestError("it is away")

    session = Summariser(sentences("The bridge is closed now."), Model())
    assert session.reply("in words") == "The model did not answer: it is away"


def test_a_session() -> None:
    session = conversation()
    first = session.reply("summary 60")
    assert first.startswith("1. ")
    assert len(session.reply("longer").split()) > len(first.split())
    assert "Okafor" in session.reply("what does Okafor say?")
    assert session.reply("where 1").count("\n") == 2
    assert session.reply("about submarines") == "The text says nothing about: submarines"
    assert "--model" in session.reply("in words")
    assert "cannot be read" in session.reply("open /nowhere/at-all.txt")
    assert session.reply("where 99").startswith("Say which sentence")
