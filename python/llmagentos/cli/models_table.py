"""The catalogue as a table on a terminal: a heading per family, a line per model."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from llmagentos.market.progress import format_bytes

_TITLES = ("name", "weights", "size", "memory", "licence", "cached")
_RIGHT = ("weights", "size", "memory")
_MIN_DESCRIPTION = 40  # columns that are worth having beside the others


def print_table(rows: list[dict[str, Any]], available_memory: int | None) -> None:
    """Prints the rows, and what to do with them."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    # Python wraps and the terminal does not, so that no word is cut off or marked with a character it may not have.
    for line, style in table(rows, console.width):
        console.print(Text(line, style=style), soft_wrap=True)
    console.print()
    free = "" if available_memory is None else f" {format_bytes(available_memory)} of memory are free here."
    hint = f"`llmagentos pull NAME` fetches one; using it by name fetches it too.{free}"
    if any(row["kind"] == "remote" for row in rows):
        hint += " Models of services run there: they need a key, and nothing here (docs/remote.md)."
    for line in textwrap.wrap(hint, console.width, break_long_words=False):
        console.print(Text(line, style="dim"), soft_wrap=True)


def table(rows: list[dict[str, Any]], width: int) -> Iterator[tuple[str, str]]:
    """Lines and their styles. Only descriptions wrap: beside the rest, below it, or in a narrow terminal all below."""
    cells = {row["name"]: _cells(row) for row in rows}
    widths = [max(map(len, column)) for column in zip(_TITLES, *cells.values(), strict=True)]
    taken = sum(widths) + 2 * len(widths)
    is_narrow, is_beside = width < taken - 2, width - taken >= _MIN_DESCRIPTION
    if not is_narrow:
        yield _line(_TITLES, widths) + ("  good for" if is_beside else ""), "bold"
    for family, members in groupby(rows, key=lambda row: str(row["family"])):
        yield family, "bold"
        for row in members:
            values = cells[row["name"]]
            if is_narrow:
                yield from _block(row, values, width)
                continue
            line = _line(values, widths)
            description = _wrapped(row["description"], width - taken if is_beside else width - 2)
            if is_beside:
                yield f"{line}  {description[0]}", ""
                yield from ((" " * taken + more, "") for more in description[1:])
            else:
                yield line.rstrip(), ""
                yield from ((f"  {more}", "") for more in description)


def word(answer: bool | None) -> str:
    """An answer that may not be known."""
    return {True: "yes", False: "no", None: "unknown"}[answer]


def is_cached(row: dict[str, Any]) -> str:
    """Whether the model is on this machine, in a word."""
    return word(None if row["problem"] is not None else row["path"] is not None)


def _block(row: dict[str, Any], values: tuple[str, ...], width: int) -> Iterator[tuple[str, str]]:
    yield values[0], ""
    for title, value in zip(_TITLES[1:], values[1:], strict=True):
        if value:
            yield f"  {title}: {value}", ""
    yield from ((f"  {line}", "") for line in _wrapped(row["description"], max(width - 2, 1)))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["kind"] == "remote":
        return row["name"], "", "", "", row["licence"], "remote"
    parameters = row["parameters"]
    weights = f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.0f} M"
    sizes = format_bytes(row["bytes"]), format_bytes(row["memory_bytes"])
    return row["name"], weights, *sizes, row["licence"], is_cached(row)


def _line(values: tuple[str, ...], widths: list[int]) -> str:
    columns = zip(_TITLES, values, widths, strict=True)
    return "  ".join(value.rjust(width) if title in _RIGHT else value.ljust(width) for title, value, width in columns)
