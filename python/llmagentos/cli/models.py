"""`llmagentos models`: the catalogue, with what is cached and what fits in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llmagentos.market import CatalogueEntry, Entry
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
# What only a model that runs here has.
_OF_FILES = ("architecture", "parameters", "bytes", "memory_bytes", "path", "problem", "fits_memory")


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
        """List the models that go by a name. In a pipe: one line each, fields separated by tabs."""
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
        elif sys.stdout.isatty() and rows:
            from llmagentos.cli.models_table import print_table

            print_table(rows, machine.available)
        elif not sys.stdout.isatty():
            print("\t".join(_FIELDS))
            for row in rows:
                print("\t".join(_plain(row)))
        if not rows:
            hint = "`llmagentos models` lists all, and hf:org/repo names any on the hub"
            print(f"no model of the catalogue is like that: {hint}", file=sys.stderr)
        for problem in dict.fromkeys(row["problem"] for row in rows if row["problem"] is not None):
            print(f"problem: {printable(problem)}", file=sys.stderr)


def _plain(row: dict[str, Any]) -> list[str]:
    """The cells of a line; of a service's model those that tell of files are "-"."""
    from llmagentos.cli.models_table import is_cached, word

    if row["kind"] == "remote":
        return ["-" if field not in row or row[field] is None else str(row[field]) for field in _FIELDS]
    cells = {**row, "cached": is_cached(row), "fits_memory": word(row["fits_memory"])}
    return [str(cells[field]) for field in _FIELDS]


def _check_task(task: str | None) -> None:
    from llmagentos.errors import InvalidRequestError
    from llmagentos.market.facts import TASKS

    if task is not None and task not in TASKS:
        raise InvalidRequestError(f"--task {task} is not valid: it must be one of {', '.join(TASKS)}")


def _matches(entry: CatalogueEntry, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    from llmagentos.market.facts import names_of

    wanted = pattern.lower()
    if not any(mark in wanted for mark in "*?["):
        wanted = f"*{wanted}*"
    names = (*names_of(entry), entry.family, source_of(entry))
    return any(fnmatchcase(name.lower(), wanted) for name in names)


def source_of(entry: CatalogueEntry) -> str:
    """Where a model comes from, as listings write it."""
    from llmagentos.market import HubEntry, RemoteEntry

    if isinstance(entry, RemoteEntry):
        return str(entry.service)
    return str(entry.source) if isinstance(entry, HubEntry) else f"pypi:{entry.parts[0].package}"


def _row(entry: CatalogueEntry, machine: Memory) -> dict[str, Any]:
    """What the listing says of a model. What a service's model does not have is None."""
    from llmagentos.market import RemoteEntry

    about = {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "family": entry.family,
        "task": entry.task,
        "description": entry.description,
        "context_length": entry.context_length,
        "licence": entry.licence,
        "licence_url": entry.licence_url,
        "source": source_of(entry),
    }
    if isinstance(entry, RemoteEntry):
        return about | {"kind": "remote", "stands_for": dict(entry.stands_for)} | dict.fromkeys(_OF_FILES)
    return about | {"kind": "local", "stands_for": {}} | _of_files(entry, machine)


def _of_files(entry: Entry, machine: Memory) -> dict[str, Any]:
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
        "architecture": entry.architecture,
        "parameters": entry.parameters,
        "bytes": entry.n_bytes,
        "memory_bytes": entry.memory_bytes,
        "path": None if path is None else str(path),
        "problem": problem,
        "fits_memory": None if machine.available is None else entry.memory_bytes <= machine.available,
    }
