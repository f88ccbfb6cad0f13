"""What the Tab key offers in `llmagentos chat`."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter, WordCompleter
from prompt_toolkit.document import Document

from llmagentos.cli.chat_commands import COMMANDS
from llmagentos.market import catalogue


class CommandCompleter(Completer):
    """Commands, the catalogue's models after /model, and files where a command takes one."""

    def __init__(self) -> None:
        files = PathCompleter(expanduser=True)
        self._names = WordCompleter(list(COMMANDS), sentence=True)
        self._arguments: dict[str, Completer] = {
            "/model": WordCompleter([entry.name for entry in catalogue()], sentence=True),
            "/save": files,
            "/load": files,
        }

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        name, has_argument, argument = document.text_before_cursor.partition(" ")
        if not has_argument:
            return self._names.get_completions(document, complete_event)
        if name not in self._arguments:
            return []
        return self._arguments[name].get_completions(Document(argument), complete_event)
