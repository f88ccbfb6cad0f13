"""A virtual assistant: calendar, to-do list, notes and look-ups, by plain sentences."""

from __future__ import annotations

import argparse
import atexit
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from agenda import Agenda
from assistant import HELP, Assistant
from notebook import Notebook

from llmagentos import LLM
from llmagentos.errors import LLMAgentOSError
from llmagentos.tools.calendar_file import CalendarFile
from llmagentos.tools.todo import TodoList


def local_zone() -> str:
    """IANA name of the machine's time zone, as far as it says; else UTC."""
    path = str(Path("/etc/localtime").resolve())
    return path.partition("/zoneinfo/")[2] or "UTC"


def conversation(model: LLM | None = None) -> Assistant:
    """An assistant with empty files, on a Monday morning, as `evaluation.toml` talks to."""
    folder = tempfile.TemporaryDirectory(prefix="assistant-")
    atexit.register(folder.cleanup)
    path = Path(folder.name)
    calendar = CalendarFile(path / "calendar.ics", "Europe/Berlin")
    now = datetime(2026, 3, 2, 8, 0, tzinfo=calendar.zone)
    return Assistant(Agenda(calendar), TodoList(path / "todo.db"), Notebook(path / "notes.md"), lambda: now, model)


def reader_of(name: str) -> LLM | None:
    """The model of that name; None for "none".

    Raises:
        LLMAgentOSError: there is none, or it is a service's, which do not tell how likely a text is.
    """
    if name == "none":
        return None
    model = LLM(name, context_length=2048)
    model.score("To be told now rather than in the middle of a conversation.")
    return model


def main() -> None:
    """Does what the sentences on standard input say, a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path("assistant"), help="where calendar, to-do list and notes are"
    )
    parser.add_argument("--zone", default=local_zone(), help="your time zone, such as Europe/Berlin")
    parser.add_argument(
        "--model", default="smollm2-135m-instruct", help="tells what an unclear sentence may be; 'none' leaves it out"
    )
    parser.add_argument("--now", type=datetime.fromisoformat, help="take this for the present, as 2026-03-02T08:00")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        calendar = CalendarFile(options.folder / "calendar.ics", options.zone)
        todos = TodoList(options.folder / "todo.db")
        reader = reader_of(options.model)
    except LLMAgentOSError as error:
        sys.exit(str(error))

    def clock() -> datetime:
        return options.now.replace(tzinfo=calendar.zone) if options.now else datetime.now(calendar.zone)

    print(HELP, file=sys.stderr)
    Assistant(Agenda(calendar), todos, Notebook(options.folder / "notes.md"), clock, reader).run()


if __name__ == "__main__":
    main()
