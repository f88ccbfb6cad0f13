"""`llmagentos models`: the catalogue, with what is cached and what fits in memory."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llmagentos.market import Entry
    from llmagentos.market.memory import Memory

_TITLES = ("name", "parameters", "size", "licence", "cached", "fits memory")
_RIGHT = ("parameters", "size")
_MIN_DESCRIPTION = 40  # columns that are worth having beside the others


def register(app: typer.Typer) -> None:
    """Adds `models` to the app."""

    @app.command()
    def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, sizes in bytes.")] = False) -> None:
        """List the models that can be pulled by name. In a pipe: one line each, fields separated by tabs."""
        from llmagentos.cli.output import json_of, printable
        from llmagentos.market import catalogue
        from llmagentos.market.memory import memory

        machine = memory()
        rows = [_row(entry, machine) for entry in catalogue()]
        if as_json:
            print(json_of(rows))
        elif sys.stdout.isatty():
            _print_table(rows)
        else:
            print("name\tparameters\tbytes\tlicence\tcached\tfits_memory\tdescription")
            for row in rows:
                cells = (row["name"], row["parameters"], row["bytes"], row["licence"], _cached(row))
                print("\t".join(map(str, (*cells, _word(row["fits_memory"]), row["description"]))))
        for problem in dict.fromkeys(row["problem"] for row in rows if row["problem"] is not None):
            print(f"problem: {printable(problem)}", file=sys.stderr)


def _row(entry: Entry, machine: Memory) -> dict[str, Any]:
    from llmagentos.errors import ModelNotFoundError
    from llmagentos.market import cached
    from llmagentos.market.cache import file_fault

    path, problem = None, None
    try:
        path = cached(entry)
        problem = None if path is None else file_fault(path)
    except ModelNotFoundError as error:
        problem = str(error)
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "description": entry.description,
        "architecture": entry.architecture,
        "parameters": entry.parameters,
        "context_length": entry.context_length,
        "bytes": entry.n_bytes,
        "licence": entry.licence,
        "licence_url": entry.licence_url,
        "path": None if path is None else str(path),
        "problem": problem,
        "fits_memory": None if machine.available is None else entry.memory_bytes <= machine.available,
    }


def _word(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[answer]


def _cached(row: dict[str, Any]) -> str:
    return _word(None if row["problem"] is not None else row["path"] is not None)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    hint = "`llmagentos pull NAME` fetches one; using it by name fetches it too."
    # Python wraps and the terminal does not, so that no word is cut off or marked with a character it may not have.
    for line, style in _table(rows, console.width):
        console.print(Text(line, style=style), soft_wrap=True)
    console.print()
    for line in textwrap.wrap(hint, console.width, break_long_words=False):
        console.print(Text(line, style="dim"), soft_wrap=True)


def _table(rows: list[dict[str, Any]], width: int) -> Iterator[tuple[str, str]]:
    """Lines and their styles. Only descriptions wrap: beside the rest, below it, or in a narrow terminal all below."""
    cells = [_cells(row) for row in rows]
    widths = [max(len(title), *(len(row[i]) for row in cells)) for i, title in enumerate(_TITLES)]
    taken = sum(widths) + 2 * len(widths)
    if width < taken - 2:
        for row, values in zip(rows, cells, strict=True):
            yield values[0], "bold"
            for title, value in zip(_TITLES[1:], values[1:], strict=True):
                yield f"  {title}: {value}", ""
            yield from ((f"  {line}", "") for line in _wrapped(row["description"], max(width - 2, 1)))
        return
    is_beside = width - taken >= _MIN_DESCRIPTION
    yield _line(_TITLES, widths) + ("  good for" if is_beside else ""), "bold"
    for row, values in zip(rows, cells, strict=True):
        line = _line(values, widths)
        description = _wrapped(row["description"], width - taken if is_beside else width - 2)
        if is_beside:
            yield f"{line}  {description[0]}", ""
            yield from ((" " * taken + more, "") for more in description[1:])
        else:
            yield line.rstrip(), ""
            yield from ((f"  {more}", "") for more in description)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from llmagentos.market.progress import format_bytes

    parameters, size = f"{row['parameters'] / 1e6:.0f} M", format_bytes(row["bytes"])
    return row["name"], parameters, size, row["licence"], _cached(row), _word(row["fits_memory"])


def _line(values: tuple[str, ...], widths: list[int]) -> str:
    columns = zip(_TITLES, values, widths, strict=True)
    return "  ".join(value.rjust(width) if title in _RIGHT else value.ljust(width) for title, value, width in columns)
