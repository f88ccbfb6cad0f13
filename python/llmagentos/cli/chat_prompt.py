"""Reading what people type into `llmagentos chat`: an editor on a terminal, lines of a pipe otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


def line_reader() -> Callable[[], str]:
    """What reads the next text. It raises EOFError at the end of input, and KeyboardInterrupt on Ctrl-C."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _editor()
    if sys.stdin.isatty():
        return lambda: input("\n> ")
    return input


def _editor() -> Callable[[], str]:
    from prompt_toolkit import PromptSession

    from llmagentos.cli.chat_completer import CommandCompleter
    from llmagentos.market import home

    session: PromptSession[str] = PromptSession(
        message="\n> ",
        prompt_continuation="  ",
        multiline=True,
        key_bindings=_keys(),
        history=history_in(home() / "chat_history"),
        completer=CommandCompleter(),
        complete_while_typing=False,
    )
    return session.prompt


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def history_in(path: Path) -> History:
    """What was typed before, kept in a file that only its owner may read; in memory where there can be no file."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
