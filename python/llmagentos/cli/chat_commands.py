"""What `llmagentos chat` does on a text that begins with a slash."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmagentos.cli.output import checked_input, printable

if TYPE_CHECKING:
    from llmagentos.cli.chat_session import ChatSession


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it takes, what it does in a few words, and what runs it with the text after its name."""

    argument: str
    help: str
    run: Callable[[ChatSession, str], None]


def run_command(session: ChatSession, text: str) -> None:
    """Run the command that a text such as "/model gemma-3-270m" is.

    Raises:
        EOFError: the command is to leave.
        LLMAgentOSError, OSError: it failed; the conversation is as it was.
    """
    name, *rest = text.split(maxsplit=1)
    command = COMMANDS.get(name)
    if command is None:
        print(f"There is no command {printable(name)}.\n{_help()}")
        return
    argument = checked_input(rest[0]) if rest else ""
    if argument and not command.argument:
        print(f"{name} takes nothing: {printable(argument)} is too much.")
        return
    command.run(session, argument)


def _model(session: ChatSession, name: str) -> None:
    if name:
        session.switch(name)
    print(f"The model is {printable(session.model)}.")


def _system(session: ChatSession, text: str) -> None:
    if text:
        session.system = None if text == "-" else text
    if session.system is None:
        print("There is no system prompt.")
    else:
        print(f"The system prompt is: {printable(session.system)}")


def _save(session: ChatSession, name: str) -> None:
    from llmagentos.cli.chat_files import Saved, save

    if not name:
        print("/save needs a file to write.")
        return
    save(Path(name).expanduser(), Saved(session.model, session.system, session.turns))
    print(f"Saved to {printable(name)}.")


def _load(session: ChatSession, name: str) -> None:
    from llmagentos.cli.chat_files import load

    if not name:
        print("/load needs a file that /save has written.")
        return
    saved = load(Path(name).expanduser())
    if saved.model != session.model:
        session.switch(saved.model)
    session.system, session.turns = saved.system, saved.turns
    for turn in saved.turns:
        print(f"{'> ' if turn['role'] == 'user' else ''}{printable(turn['content'])}")
    print(f"The conversation goes on with {printable(saved.model)}.")


def _reset(session: ChatSession, _: str) -> None:
    session.turns = []
    print("The conversation starts anew.")


def _show_help(*_: object) -> None:
    print(_help())


def _exit(*_: object) -> None:
    raise EOFError


COMMANDS = {
    "/model": Command("[NAME]", "go on with another model, or say which it is", _model),
    "/system": Command("[TEXT]", "set the system prompt, or show it; '-' removes it", _system),
    "/save": Command("FILE", "write the conversation to a file", _save),
    "/load": Command("FILE", "go on with a saved conversation", _load),
    "/reset": Command("", "forget the conversation", _reset),
    "/help": Command("", "show this", _show_help),
    "/exit": Command("", "leave (so does Ctrl-D)", _exit),
}


def _help() -> str:
    lines = [f"{f'{name} {command.argument}':16}{command.help}" for name, command in COMMANDS.items()]
    if sys.stdin.isatty():
        lines.append("Enter sends, Alt-Enter or Ctrl-J begins a new line, Ctrl-R searches what was typed before.")
    return "\n".join([*lines, "Ctrl-C stops an answer."])
