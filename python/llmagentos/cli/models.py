"""`llmagentos models`: the catalogue, with what is cached and what fits in memory."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llmagentos.market import Entry
    from llmagentos.market.memory import Memory


def register(app: typer.Typer) -> None:
    """Adds `models` to the app."""

    @app.command()
    def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, sizes in bytes.")] = False) -> None:
        """List the models that can be pulled by name. In a pipe: one line each, fields separated by tabs."""
        from llmagentos.market import catalogue
        from llmagentos.market.memory import memory

        machine = memory()
        rows = [_row(entry, machine) for entry in catalogue()]
        if as_json:
            print(json.dumps(rows, indent=2))
        elif sys.stdout.isatty():
            _print_table(rows)
        else:
            print("name\tparameters\tbytes\tlicence\tcached\tfits_memory\tdescription")
            for row in rows:
                cells = (row["name"], row["parameters"], row["bytes"], row["licence"], _word(row["path"] is not None))
                print("\t".join(map(str, (*cells, _word(row["fits_memory"]), row["description"]))))


def _row(entry: Entry, machine: Memory) -> dict[str, Any]:
    from llmagentos.market import cached

    path = cached(entry)
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
        "fits_memory": None if machine.available is None else entry.memory_bytes <= machine.available,
    }


def _word(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[answer]


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from llmagentos.market.progress import format_bytes

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "parameters", "size", "licence", "cached", "fits memory"):
        right = title in ("parameters", "size")
        table.add_column(title, no_wrap=title == "name", justify="right" if right else "left")
    table.add_column("good for", ratio=1)
    for row in rows:
        cells = (row["name"], f"{row['parameters'] / 1e6:.0f} M", format_bytes(row["bytes"]), row["licence"])
        table.add_row(*cells, _word(row["path"] is not None), _word(row["fits_memory"]), row["description"])
    console = Console()
    console.print(table)
    console.print(
        "\n`llmagentos pull NAME` fetches one; using it by name fetches it too.", style="dim", highlight=False
    )
