"""What the Tab key offers in `llmagentos chat`."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from llmagentos.cli.chat_completer import CommandCompleter


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("/mo", ["/model"]), ("/model smollm2-135m-i", ["smollm2-135m-instruct"]), ("/reset ", []), ("hello", [])],
)
def test_commands_and_models_are_completed(typed: str, offered: list[str]) -> None:
    completions = CommandCompleter().get_completions(Document(typed), CompleteEvent(completion_requested=True))
    assert [completion.text for completion in completions] == offered


def test_files_are_completed(tmp_path: Path) -> None:
    (tmp_path / "chat.json").touch()
    typed = Document(f"/load {tmp_path}/ch")
    assert [one.text for one in CommandCompleter().get_completions(typed, CompleteEvent())] == ["at.json"]
