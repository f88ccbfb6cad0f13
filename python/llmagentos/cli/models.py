"""`llmagentos models`: the catalogue, with what is cached and what fits in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llmagentos.market import Entry
    from llmagentos.market.memory import Memory

_FIELDS = (
    "name",
    "parameters",
    "bytes",
    "licence",
    "cached",
    "fits_memory",
    "family",
    "task",
    "memory_bytes",
    "source",
    "description",
)


def register(app: typer.Typer) -> None:
    """Adds `models` to the app."""

    @app.command()
    def models(
        pattern: Annotated[
            str | None,
            typer.Argument(help='Only models with this in their name, family or source; "*" and "?" are wildcards.'),
        ] = None,
        task: Annotated[
            str | None, typer.Option("--task", help="Only models made for this, such as chat, embedding or translate.")
        ] = None,
        fits: Annotated[
            bool, typer.Option("--fits", help="Only models that fit in this machine's free memory.")
        ] = False,
        cached: Annotated[bool, typer.Option("--cached", help="Only models that are on this machine.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON, sizes in bytes.")] = False,
    ) -> None:
        """List the models that can be pulled by name. In a pipe: one line each, fields separated by tabs."""
        from llmagentos.cli.output import json_of, printable
        from llmagentos.market import catalogue
        from llmagentos.market.memory import memory

        _check_task(task)
        machine = memory()
        entries = [
            entry
            for entry in catalogue()
            if (task is None or entry.task == task) and (pattern is None or _matches(entry, pattern))
        ]
        rows = [_row(entry, machine) for entry in entries]
        rows = [row for row in rows if (row["path"] or not cached) and (row["fits_memory"] or not fits)]
        if as_json:
            print(json_of(rows))
        elif sys.stdout.isatty():
            from llmagentos.cli.models_table import print_table

            print_table(rows, machine.available)
        else:
            print("\t".join(_FIELDS))
            for row in rows:
                cells = {**row, "cached": is_cached(row), "fits_memory": word(row["fits_memory"])}
                print("\t".join(str(cells[field]) for field in _FIELDS))
        for problem in dict.fromkeys(row["problem"] for row in rows if row["problem"] is not None):
            print(f"problem: {printable(problem)}", file=sys.stderr)


def word(answer: bool | None) -> str:
    """An answer that may not be known."""
    return {True: "yes", False: "no", None: "unknown"}[answer]


def is_cached(row: dict[str, Any]) -> str:
    """Whether the model is on this machine, in a word."""
    return word(None if row["problem"] is not None else row["path"] is not None)


def _check_task(task: str | None) -> None:
    from llmagentos.errors import InvalidRequestError
    from llmagentos.market.entries import TASKS

    if task is not None and task not in TASKS:
        raise InvalidRequestError(f"--task {task} is not valid: it must be one of {', '.join(TASKS)}")


def _matches(entry: Entry, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    wanted = pattern.lower()
    if not any(mark in wanted for mark in "*?["):
        wanted = f"*{wanted}*"
    names = (entry.name, *entry.aliases, entry.family, _source(entry))
    return any(fnmatchcase(name.lower(), wanted) for name in names)


def _source(entry: Entry) -> str:
    from llmagentos.market import HubEntry

    return str(entry.source) if isinstance(entry, HubEntry) else f"pypi:{entry.parts[0].package}"


def _row(entry: Entry, machine: Memory) -> dict[str, Any]:
    from llmagentos.errors import ModelNotFoundError
    from llmagentos.market import cached
    from llmagentos.market.cache import file_fault

    path, problem = None, None
    try:
        path = cached(entry)
        problem = None if path is None or path.is_dir() else file_fault(path)
    except ModelNotFoundError as error:
        problem = str(error)
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "family": entry.family,
        "task": entry.task,
        "description": entry.description,
        "architecture": entry.architecture,
        "parameters": entry.parameters,
        "context_length": entry.context_length,
        "bytes": entry.n_bytes,
        "memory_bytes": entry.memory_bytes,
        "licence": entry.licence,
        "licence_url": entry.licence_url,
        "source": _source(entry),
        "path": None if path is None else str(path),
        "problem": problem,
        "fits_memory": None if machine.available is None else entry.memory_bytes <= machine.available,
    }
